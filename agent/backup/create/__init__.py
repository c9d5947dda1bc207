"""Creating a backup: read session, preparation, then snapshot."""
