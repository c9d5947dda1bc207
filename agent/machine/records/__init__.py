"""The agent's own files: its documents, and how each unit stands."""
