"""The DevCopilot Agent: configures a development container and keeps it working."""

__version__ = "0.2.0"
