"""The machine and what runs on it: files, programs, texts, and what the agent owns there."""
