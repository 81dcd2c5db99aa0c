"""Sites in a file's [[site]] tables: the configuration itself, or a file of their own."""

import os

from appliance.config import load_settings, parse_sites, read_text
from appliance.routing.model import Site

Fingerprint = tuple[int, int, int] | None


class TomlFileStore:
    """Reads the sites of one file. `embedded`: the file is the whole configuration."""

    def __init__(self, path: str, embedded: bool) -> None:
        self.path = path
        self._embedded = embedded

    def fingerprint(self) -> Fingerprint:
        """Changes whenever the file does; None while there is none."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def read(self) -> tuple[Site, ...]:
        """Every site. Raises ConfigError with each fault and its line."""
        if self._embedded:
            return load_settings(self.path).sites
        return parse_sites(read_text(self.path), self.path)
