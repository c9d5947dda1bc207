"""Cloning the repositories of the workspace, each whole or not at all."""
