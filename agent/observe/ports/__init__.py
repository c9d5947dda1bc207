"""The ports on which programs of the workspace listen: whose, since when, and how to open them.

Read when somebody asks; nothing watches them.
"""
