"""Sites in memory: the fake that stands in for a real store in tests."""

from appliance.config import ConfigError, Fault
from appliance.routing.model import Site


class MemoryStore:
    """The same in memory, for tests."""

    def __init__(self, sites: tuple[Site, ...] = ()) -> None:
        self._sites = sites
        self._version = 0
        self._fault: Fault | None = None

    def fingerprint(self) -> object:
        """Changes with every put."""
        return self._version, 0, 0

    def read(self) -> tuple[Site, ...]:
        """Every site. Raises ConfigError when put_fault was called last."""
        if self._fault is not None:
            raise ConfigError((self._fault,))
        return self._sites

    def put(self, sites: tuple[Site, ...]) -> None:
        """Replaces all sites."""
        self._sites, self._fault = sites, None
        self._version += 1

    def put_fault(self, fault: Fault) -> None:
        """Makes the content faulty."""
        self._fault = fault
        self._version += 1
