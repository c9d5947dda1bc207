"""The moments in a container's life at which jobs start. Init tells them; a job names its own."""

BOOT = "boot"
"""CMD runs, and supervisord starts the services: nothing takes the processors from it any more."""
READY = "ready"
"""The job that announces it has succeeded: every essential service answers."""
SIGNAL = "signal"
"""SIGUSR1 came, and there is no CMD to get it."""
LOST = "lost"
"""A service cannot be kept running; the job gets its name as one more argument."""
STOP = "stop"
"""All that writes on purpose has ended. The time until the deadline is the job's, which gets its
seconds as one more argument."""
