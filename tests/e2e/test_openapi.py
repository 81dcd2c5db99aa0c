"""The running API against its description: schemathesis asks for what it says, and for less."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from appliance.admin.api import OPENAPI
from tests.support.admin_client import LOOPBACK, PASSWORD, AdminClient, claim
from tests.support.backend import ScriptedBackend
from tests.support.box import Box, site

# Streams end with the connection: their own tests read them. Another password ends what asks.
STREAMS = ["/v1/events", "/v1/log/events"]
SCHEMA: Any = schemathesis.openapi.from_dict(json.loads(OPENAPI.read_text())).exclude(path=STREAMS)
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
Test = TypeVar("Test", bound=Callable[..., None])
each_operation: Callable[[Test], Test] = SCHEMA.parametrize()
# A fault of the box's own; that a part of it is not there is told by 503.
FAULT = 500


def serialize_backup(context: Any, value: Any) -> bytes:
    """What is sent as a backup; none of it is one."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


schemathesis.serializer("application/gzip")(serialize_backup)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminClient]:
    folder = tmp_path_factory.mktemp("box")
    with (
        ScriptedBackend() as backend,
        Box(folder, site("a.test", backend.url), listen=LOOPBACK) as box,
    ):
        box.get()
        owner = claim(box)
        made = owner.ask("POST", "/v1/tokens", {"name": "schemathesis"}).json
        found = AdminClient(owner.port)
        found.fields = {"Authorization": f"Bearer {made['token']}"}
        yield found
        assert found.ask("GET", "/v1/status").status == 200
        assert "fault of ours" not in box.errors.read_text()


@each_operation
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_it_is_described(case: Any, script: AdminClient) -> None:
    answer = case.call(base_url=f"http://127.0.0.1:{script.port}", headers=script.fields)
    assert answer.status_code != FAULT, answer.text
    case.validate_response(answer, checks=CHECKS)


def test_what_the_description_lets_through_is_taken(script: AdminClient) -> None:
    for path in ("/v1/status", "/v1/overview", "/v1/history", "/v1/roots", "/v1/settings"):
        assert script.ask("GET", path).status == 200
    listed = script.ask("GET", "/v1/sites?contains=A.t&limit=1")
    assert [each["host"] for each in listed.json] == ["a.test"]
    assert listed.fields["Gatelight-Total"] == "1"
    assert script.ask("GET", "/v1/sites?offset=1&contains=a.test").json == []
    assert script.ask("GET", "/v1/sites?limit=0").status == 400
    again = script.ask("POST", "/v1/login", {"password": PASSWORD})
    assert again.status in (200, 429)
