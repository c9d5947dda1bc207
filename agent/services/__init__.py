"""The services: how each is run, with which files, and how it is asked whether it answers.

Read service, then all and the services in it, then supervisord, which keeps them, and probes.
"""
