"""The AI tools: the keys that they are handed, and how a missing one is installed."""
