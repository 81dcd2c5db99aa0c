"""A box that is all made up, for tests of the admin port alone."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from appliance.admin.account import Account
from appliance.admin.api import Api
from appliance.admin.app import App
from appliance.admin.box import Box, Table
from appliance.admin.exchange import Refusal
from appliance.admin.gate import Gate
from appliance.admin.pages.frame import Doors
from appliance.admin.pages.handlers import Pages

STATUS: dict[str, Any] = {"version": 1, "sites": [{"host": "a.test"}, {"host": "*"}]}
NAME = "box.test"


class MadeUpBox:
    """Every part of a box in one; `done` is what it was asked to do."""

    def __init__(self, status: dict[str, Any] = STATUS) -> None:
        self.made_up = status
        self.tables: dict[str, Table] = {"a.test": {"backends": ["http://127.0.0.1:1"]}}
        self.lines: list[dict[str, Any]] = []
        self.done: list[Any] = []

    def status(self) -> dict[str, Any]:
        return self.made_up

    def status_json(self) -> bytes:
        return json.dumps(self.made_up).encode()

    def overview_json(self) -> bytes:
        return json.dumps({"sites": {"total": len(self.made_up["sites"])}}).encode()

    def sites(self, contains: str, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        found = [site for site in self.made_up["sites"] if contains in site["host"]]
        return len(found), found[offset : offset + limit]

    def site(self, host: str) -> dict[str, Any] | None:
        return next((site for site in self.made_up["sites"] if site["host"] == host), None)

    def history(self) -> dict[str, Any]:
        return {"every_s": 1}

    def metrics(self) -> str:
        return "gatelight_connections 0\n"

    def has_log(self) -> bool:
        return True

    def log_end(self) -> int:
        return len(self.lines)

    def log(
        self, since: int, site: str, status: str, contains: str, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        return [line for line in self.lines[since:] if site in ("", line["site"])][:limit]

    async def read_all(self) -> dict[str, Table]:
        return self.tables

    async def read(self, host: str) -> Table | None:
        return self.tables.get(host)

    async def put(self, host: str, table: Table, seen: str | None = None) -> bool:
        is_new = host not in self.tables
        self.tables[host] = table
        return is_new

    async def remove(self, host: str) -> None:
        if self.tables.pop(host, None) is None:
            raise Refusal(404, "there is no such site", host, "GET /v1/sites lists them")

    async def rehearse(self, host: str, table: Table) -> list[dict[str, str]]:
        return [{"about": "name", "outcome": "up", "what": "it leads here", "way_out": ""}]

    def list_all(self) -> list[dict[str, Any]]:
        return [{"host": "a.test"}]

    async def list_roots(self) -> list[dict[str, Any]]:
        return [{"name": "Test", "pem": "-----BEGIN CERTIFICATE-----\n"}]

    async def renew(self, host: str) -> dict[str, Any]:
        if host == "a.test":
            return {"host": host}
        if host == "*":
            raise ValueError("comes from /a.pem")
        raise LookupError(f"there is no site {host}")

    def reload(self) -> None:
        self.done.append("reload")

    def acknowledge(self, ids: Iterable[str]) -> int:
        self.done.append(("acknowledge", list(ids)))
        return 1

    async def pack_backup(self) -> bytes:
        return b"backup"

    async def restore_backup(self, content: bytes) -> dict[str, Any]:
        self.done.append(("restore", content))
        return {"sites": 1, "roots": 0}

    async def picture(self) -> bytes:
        return b"\x89PNG"

    async def press(self, button: Any) -> None:
        self.done.append(("press", button))

    async def show(self) -> dict[str, Any]:
        return {"can_change": False}

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self.done.append(("hdmi", request))
        return {"said": "done"}


class Office:
    """The whole admin port over a made-up box, to be made inside a running loop."""

    def __init__(self, folder: Path, box: MadeUpBox | None = None, now_s: float = 0.0) -> None:
        self.now_s = now_s
        self.complaints: list[str] = []
        self.box = box or MadeUpBox()
        self.account = Account(folder / "admin.json", lambda: self.now_s)
        made_up = self.box
        parts = Box(made_up, made_up, made_up, made_up, made_up, made_up)
        self.gate = Gate(self.account, lambda name: name == NAME)
        self.api = Api(parts, self.account, self.gate.is_admitted, 0.01, lambda: self.now_s)
        admitted = self.gate.is_admitted
        self.pages = Pages(parts, self.account, self.api, admitted, Doors(), 0.01)
        routes = [*self.api.routes(), *self.pages.routes()]
        self.app = App(self.gate, routes, self.complaints.append, self.pages.refuse)


async def ask_raw(path: str, data: bytes) -> bytes:
    """All that comes back over a Unix socket."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(data)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer
