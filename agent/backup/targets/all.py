"""The backup targets, in one visible tuple. To add one, write one file and add one name."""

from agent.backup.targets import azure, local, s3

TARGETS = (local.TARGET, s3.TARGET, azure.TARGET)
"""Each that is configured gets every backup."""
