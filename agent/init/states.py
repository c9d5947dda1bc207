"""The states of what init keeps: a type for each, and how one follows another."""

from enum import Enum


class JobState(Enum):
    """A job. Its moment, a changed file or a call starts it, in whatever state it is.

              start                   time limit
        IDLE ───────> RUNNING ─────────────────────> ENDING
         ^            ^  │  │                        │  │
         │ start, or  │  │  │ it ends, and its next  │  │
         │ it is time │  │  │ run is planned         │  │
         │            │  │  v                        │  │
         │          PLANNED <────────────────────────┘  │
         │             │ │                              │
         └─────────────┴─┴──────────────────────────────┘
            it ends, and nothing is planned; the stop

    A start while it is RUNNING or ENDING is one more run, which is PLANNED at once when it ends.
    """

    IDLE = "idle"
    PLANNED = "planned"
    RUNNING = "running"
    ENDING = "ending"
    """It got TERM, and gets KILL after a while."""


class SupervisordState(Enum):
    """supervisord.

             start             it listens, or has had its time
        OFF ───────> STARTING ─────────────────────────────────> RUNNING
                     │  │                                        │  │
             the stop│  │it ends            it ends without being│  │the stop
                     v  v                            asked to    v  v
              STOPPING  LOST                                  LOST  STOPPING ──> ENDED

    One that was loaded early and ends while it is STARTING is replaced, and still STARTING.
    """

    OFF = "off"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"
    LOST = "lost"


class ServiceState(Enum):
    """A service, as supervisord has it: https://supervisord.org/subprocess.html#process-states.

    STOPPED ──> STARTING ──> RUNNING ──> EXITED ──> STARTING
                 ^    │         │
                 │    v         v
                BACKOFF      STOPPING ──> STOPPED
                   │
                   v
                 FATAL
    """

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    """It has lived long enough."""
    BACKOFF = "BACKOFF"
    """It ended too early, and is started again."""
    STOPPING = "STOPPING"
    EXITED = "EXITED"
    FATAL = "FATAL"
    """Given up."""
    UNKNOWN = "UNKNOWN"


class LogState(Enum):
    """The log child.

                 it ends
    OFF ──> RUNNING ──> PAUSING
             │   ^         │ │
    the stop │   └─────────┘ │ the stop
             v               │
          STOPPING <─────────┘
             │
             v
           ENDED
    """

    OFF = "off"
    RUNNING = "running"
    PAUSING = "pausing"
    """It is started again after a pause. Meanwhile init makes room in the streams."""
    STOPPING = "stopping"
    """It writes its last lines, or a copy of init does in its place."""
    ENDED = "ended"
