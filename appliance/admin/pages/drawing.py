"""Templates filled in, and the style, scripts and faces that go with them."""

import hashlib
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined, select_autoescape
from jinja2.loaders import DictLoader

KINDS = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
HTML = "text/html; charset=utf-8"


def read_all(folder: str) -> dict[str, bytes]:
    """The files of a folder of this package, by name."""
    place = resources.files("appliance.admin.pages") / folder
    return {
        each.name: each.read_bytes()
        for each in sorted(place.iterdir(), key=lambda each: each.name)
        if each.is_file()
    }


class Drawing:
    """Read once. `static` is the path of the files: another one when any of them has changed."""

    def __init__(self) -> None:
        self.files = read_all("static")
        digest = hashlib.blake2b(digest_size=6)
        for name, content in self.files.items():
            digest.update(name.encode() + content)
        self.digest = digest.hexdigest()
        self.static = f"/static/{self.digest}"
        templates = {name: text.decode() for name, text in read_all("templates").items()}
        self._environment = Environment(
            loader=DictLoader(templates),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["static"] = self.static

    def draw(self, template: str, **values: Any) -> bytes:
        """A page, with every value escaped."""
        return self._environment.get_template(f"{template}.html").render(values).encode()
