"""The user's hooks as the data path asks them: what they may decide, and what comes of it."""

from dataclasses import replace
from typing import Protocol

from appliance.hooks import Answer, Response
from appliance.hooks import Request as Asked
from appliance.proxy.live import LiveBackend, LiveSite
from appliance.proxy.live_sites import LiveSites
from appliance.wire.fields import change_lines
from appliance.wire.request import Request
from appliance.wire.response import Response as BackendResponse


class Hooks(Protocol):
    """What runs them (see hook_runner.py); a fault in them is None here."""

    is_on: bool
    changes_answers: bool

    def on_request(self, request: Asked) -> Answer | None: ...
    def route(self, request: Asked) -> str | None: ...
    def on_response(self, request: Asked, response: Response) -> None: ...
    def complain_of_route(self, url: str, why: str) -> None: ...


def ask_for_route(
    hooks: Hooks, asked: Asked, sites: LiveSites, site: LiveSite
) -> LiveBackend | None:
    """The backend that route() names; None where it has no opinion or none that can be used."""
    url = hooks.route(asked)
    if url is None:
        return None
    try:
        return sites.routed(site, url)
    except ValueError as error:
        hooks.complain_of_route(url, str(error))
        return None


def change_request(request: Request, asked: Asked) -> Request:
    """The request with the fields that hooks have changed."""
    if asked.changes is None:
        return request
    fields = request.fields
    changed = replace(fields, lines=change_lines(fields.lines, asked.changes))
    return Request(request.line, changed, request.host)


def change_response(hooks: Hooks, asked: Asked, response: BackendResponse) -> BackendResponse:
    """The answer with the fields that on_response() has changed."""
    seen = Response(response.status, response.fields.lines)
    hooks.on_response(asked, seen)
    if seen.changes is None:
        return response
    fields = replace(response.fields, lines=change_lines(response.fields.lines, seen.changes))
    return replace(response, fields=fields)
