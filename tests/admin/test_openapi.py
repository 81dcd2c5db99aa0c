"""The description of the API holds what the API has: its requests, and the status."""

import json
import re
from pathlib import Path
from typing import Any

from appliance.admin.api import OPENAPI
from tests.support.admin import Office
from tests.support.box import ROOT

DESCRIPTION: dict[str, Any] = json.loads(OPENAPI.read_text())
METHODS = {"get", "put", "post", "delete"}


def test_every_request_is_described_and_nothing_else(tmp_path: Path) -> None:
    described = {
        (method.upper(), path)
        for path, item in DESCRIPTION["paths"].items()
        for method in item.keys() & METHODS
    }
    assert described == {(method, path) for method, path, _, _ in Office(tmp_path).api.routes()}


def test_the_status_is_described_as_its_own_schema_has_it() -> None:
    schema = json.loads((ROOT / "docs/status-schema.json").read_text())
    text = json.dumps(schema).replace("#/$defs/", "#/components/schemas/")
    expected = json.loads(text)
    described = DESCRIPTION["components"]["schemas"]
    parts = expected.pop("$defs")
    del expected["$schema"]
    assert {name: described[name] for name in parts} == parts
    assert described["status"] == expected


def test_the_page_for_people_names_every_request() -> None:
    page = (ROOT / "docs/status-schema.md").read_text()
    listed = re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE)
    words = " ".join(listed).replace("HOST", "{host}").replace("/ID", "/{id}")
    for path in DESCRIPTION["paths"]:
        shown = path.replace("{number}.crt", "1.crt").replace("{number}", "1.crt")
        if path not in ("/v1/openapi.json", "/v1/reset"):
            assert shown in words, path
