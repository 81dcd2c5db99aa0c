"""What requests carry besides their path, checked (PURE)."""

from typing import Any

from appliance.admin.exchange import Refusal, Request


def parse_text(content: dict[str, Any], name: str) -> str:
    """A text in a JSON object. Raises Refusal."""
    value = content.get(name)
    if not isinstance(value, str):
        raise Refusal(400, f"{name} is missing", name, f'send {{"{name}": "..."}}')
    return value


def parse_number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A number in the query. Raises Refusal."""
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and least <= int(text[:8]) <= most):
        raise Refusal(400, "not a number that fits", name, f"ask for {least} to {most}")
    return int(text)


def parse_filter(request: Request) -> tuple[str, str, str]:
    """Which lines of the log: site, status and words. Raises Refusal."""
    query = request.query
    status = query.get("status", "")
    is_class = len(status) == 3 and status[0] in "12345" and status[1:] == "xx"
    if status and not is_class and not (status.isascii() and status.isdecimal()):
        raise Refusal(400, "no status", "status", 'ask for "404" or "5xx"')
    return query.get("site", "").lower(), status, query.get("contains", "")
