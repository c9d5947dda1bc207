"""What keeps a target in order: old backups removed, the rest verified."""
