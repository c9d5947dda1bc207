"""Restoring a backup, and the way back."""
