"""What control asks of a place where sites are kept."""

from typing import Protocol

from appliance.routing.model import Site


class Store(Protocol):
    """A place where sites come from."""

    def fingerprint(self) -> object:
        """Something cheap that differs after every change."""

    def read(self) -> tuple[Site, ...]:
        """Every site. Raises ConfigError when the content is faulty."""
