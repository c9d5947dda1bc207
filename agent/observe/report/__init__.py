"""Tells the control plane how the workspace is used, and answers who asks on loopback.

The API is the original supervisor's, in shape byte for byte; docs/control-plane.md describes it. A
step of the light job `activity` sends the reports: `plan`, `settings` and the other rooms' modules
are for those who prepare and show them.
"""
