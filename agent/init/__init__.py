"""PID 1: reaps, forwards signals, starts everything, keeps the timers, stops everything.

One process, one thread, one `poll`. It has two lives: the first (`bootstrap`) has the container's
own environment, runs `configure` and loads supervisord; then it executes itself anew with the clean
environment that `configure` left, so that not even /proc/1/environ holds a secret, and the second
(`supervisor`) runs until the container ends. `devcopilot init` is the core of the second life
alone, with nothing but CMD; `core` says what happens on TERM.

Of the other rooms it imports only `agent.machine.light`; of the standard library little.
"""
