"""Sites as TOML text (PURE)."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def encode_value(value: Any) -> str:
    """A value as it stands behind the equals sign. Raises ValueError for what TOML cannot hold."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return encode_text(value)
        case list():
            return f"[{', '.join(map(encode_value, value))}]"
        case dict():
            pairs = (f"{encode_key(key)} = {encode_value(each)}" for key, each in value.items())
            return f"{{ {', '.join(pairs)} }}" if value else "{}"
    raise ValueError(f"{type(value).__name__} is no value of a site")


def encode_text(text: str) -> str:
    """A string; one of several lines is written as such."""
    if "\n" in text and _is_plain(text):
        return f'"""\n{text}"""'
    return _encode_line(text)


def _encode_line(text: str) -> str:
    # JSON's escapes are TOML's; DEL is the one control character that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _is_plain(text: str) -> bool:
    """Whether the lines may stand between three quotes as they are."""
    return all(c == "\n" or (c.isprintable() and c not in '"\\') for c in text)


def encode_key(key: str) -> str:
    """A key, quoted where it must be."""
    return key if _BARE_KEY.fullmatch(key) else _encode_line(key)


def encode_site(hosts: Iterable[str], table: Mapping[str, Any]) -> str:
    """A [[site]] table with its own tables under it."""
    names = list(hosts)
    host = names[0] if len(names) == 1 else names
    return "\n".join(_lines(("site",), "[[site]]", {"host": host, **table})) + "\n"


def encode_part(path: tuple[str, ...], table: Mapping[str, Any]) -> str:
    """A table below a site, as [site.NAME]."""
    header = f"[{'.'.join(map(encode_key, path))}]"
    return "\n".join(_lines(path, header, table)) + "\n"


def _lines(path: tuple[str, ...], header: str, table: Mapping[str, Any]) -> Iterable[str]:
    yield header
    for key, value in table.items():
        if not isinstance(value, dict):
            yield f"{encode_key(key)} = {encode_value(value)}"
    for key, value in table.items():
        if isinstance(value, dict):
            below = (*path, key)
            yield from _lines(below, f"[{'.'.join(map(encode_key, below))}]", value)
