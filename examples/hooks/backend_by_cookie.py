"""Lets a cookie choose the backend, such as for trying a new version in one browser."""

from appliance.hooks import Request

VERSIONS = {"blue": "http://127.0.0.1:9001", "green": "http://127.0.0.1:9002"}


def route(request: Request) -> str | None:
    """By the cookie `version`; without one, as the site says."""
    return VERSIONS.get(request.cookies.get("version", ""))
