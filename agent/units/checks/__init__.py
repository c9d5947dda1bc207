"""What `devcopilot doctor` checks of this room."""
