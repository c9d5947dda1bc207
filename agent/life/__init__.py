"""The workspace's own life: what brings the project and gets it ready, and who waits for that."""
