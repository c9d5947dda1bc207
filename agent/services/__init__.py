"""Services: each says how to run one long-running program, and with which files."""
