"""What PID 1, the log process and the sampler load: standard library only, and quick to load.

They live as long as the container, or start twice a minute: what is imported here, they pay for.
"""
