"""The events of init's parts, and who hears of them."""

from agent.init.states import ServiceState, SupervisordState


class Listener:
    """Hears what has happened to init's parts; this one, that of an init alone, does nothing."""

    def on_signal(self, number: int) -> None:
        """Hear a signal that neither is CMD's nor asks to stop."""

    def on_service(self, name: str, state: ServiceState) -> None:
        """Hear a service's new state."""

    def on_supervisord(self, state: SupervisordState) -> None:
        """Hear that supervisord starts the services now, or that it is LOST."""

    def on_job(self, moment: str = "") -> None:
        """Hear that a job has started or ended. `moment`: what its success now means, if any."""

    def on_wish_to_stop(self, reason: str) -> None:
        """Hear that a job has found a reason to stop the container."""

    def on_stop(self) -> None:
        """Hear that the stop has begun."""
