"""Sends beta testers to another backend: those on a list, and anybody who asks for it."""

from appliance.hooks import Request

BETA = "http://127.0.0.1:9001"
TESTERS = frozenset(("192.168.1.20", "192.168.1.21"))


def route(request: Request) -> str | None:
    """The beta backend for testers; the site's own for everybody else."""
    if request.client_ip in TESTERS or request.headers.get("X-Beta") == "yes":
        return BETA
    return None
