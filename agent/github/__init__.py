"""Keeps the published token of each GitHub host good: fetches, publishes, checks, plans ahead.

Whatever fails withdraws nothing: the token that is published stays until there is a better one.
Fetching happens under a lock of the host, so that ten programs that want a token make one; the
check happens outside of it, so that a server that hangs keeps nobody waiting.
"""
