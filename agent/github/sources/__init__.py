"""Token sources, the check of a token against GitHub, and its publication."""
