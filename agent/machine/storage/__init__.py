"""Folders, file systems, mounts, locks and databases: what is there, and how it is used safely."""
