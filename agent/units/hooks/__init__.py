"""Hooks: commands of the repository and of whoever runs the container, at the start and the end."""
