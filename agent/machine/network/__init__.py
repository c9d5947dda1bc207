"""Addresses, sockets, proxies, certificates, and one connection to a server."""
