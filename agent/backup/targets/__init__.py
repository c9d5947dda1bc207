"""Backup targets, a file each."""
