"""Small programs that others start: git, gh, and what waits for a token."""
