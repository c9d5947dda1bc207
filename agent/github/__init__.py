"""GitHub: hosts, where tokens come from, what is published of them, and gh.

Read token, sources/, record, published, store, fetch, check, renewal, refresh, broker; then gh.
"""
