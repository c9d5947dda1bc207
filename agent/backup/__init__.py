"""Backups: what goes into one, making it, keeping, checking and restoring it."""
