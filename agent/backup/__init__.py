"""Backups: making, keeping, checking and restoring them with restic.

Read target and targets/, restic/client, create/session, restore/selection and restore/restoration,
upkeep/maintenance, then due, which says when. record and report tell how each target stands.
"""
