"""Every page of a made-up box: drawn, escaped, guarded, and saying what was refused."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import pytest

from appliance.admin.account import csrf_of
from appliance.admin.exchange import FORM, Answer, Peer, Refusal, Request
from appliance.admin.pages.way_in import path_of
from tests.support.admin import MadeUpBox, Office
from tests.support.made_up import HISTORY, Status, make_status

PASSWORD = "correct horse"
HERE = {"host": "127.0.0.1:8470"}
CLIENT = Peer("192.0.2.7")
PAGES = (
    "/", "/sites", "/add", "/log", "/certificates", "/screen", "/box", "/trust",
    "/screen/hdmi", "/sites/{host}", "/sites/{host}/edit", "/sites/{host}/remove",
)  # fmt: skip
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}"


class ShownBox(MadeUpBox):
    """A box with all that pages show."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.tables = {site["host"]: make_table(site) for site in status["sites"]}
        self.fault: str | None = None
        self.refusal: Refusal | None = None
        self.can_change = True
        self.name = "TV"

    def history(self) -> dict[str, Any]:
        return dict(HISTORY)

    def list_all(self) -> list[dict[str, Any]]:
        return [
            {
                "host": site["host"],
                "source": "local CA",
                "issuer": site["certificate"]["issuer"],
                "names": [site["host"]],
                "expires": site["certificate"]["expires"],
                "fault": self.fault,
            }
            for site in self.made_up["sites"]
            if site["certificate"]
        ]

    async def list_roots(self) -> list[dict[str, Any]]:
        root = {"name": "Gatelight on box", "fingerprint": "AB:CD", "pem": "-----BEGIN"}
        return [root | {"expires": "2046-01-01T00:00:00Z", "file": "root.crt"}]

    async def show(self) -> dict[str, Any]:
        if self.refusal is not None:
            raise self.refusal
        return make_hdmi(self.can_change, self.name)

    async def put(self, host: str, table: dict[str, Any], seen: str | None = None) -> bool:
        if self.refusal is not None:
            raise self.refusal
        return await super().put(host, table, seen)

    def log(
        self, since: int, site: str, status: str, contains: str, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        return self.lines


def make_table(site: dict[str, Any]) -> dict[str, Any]:
    return {"backends": [backend["url"] for backend in site["backends"]], "tls": site["tls"]}


def make_hdmi(can_change: bool, name: str = "TV") -> dict[str, Any]:
    offers = [
        {"mode": "1920x1080@60", "preferred": True},
        {"mode": "720x576@50", "preferred": False},
    ]
    plugged = {
        "port": 0,
        "connected": True,
        "mode_in_use": "720x576@50",
        "display": {"maker": "ACM", "name": name},
        "fault": None,
        "offered": offers,
    }
    free = {"port": 1, "connected": False, "mode_in_use": None, "display": None, "fault": None}
    modes = {"model": "pi4", "ports": [plugged, free | {"offered": None}]}
    return {"show": {}, "modes": modes, "can_change": can_change}


def make_line(**changed: Any) -> dict[str, Any]:
    line = {
        "time": "28/Nov/2026:17:05:59 +0000",
        "client": "192.168.1.7",
        "request": "GET /a HTTP/1.1",
        "status": 502,
        "bytes_out": 1,
        "site": "photos.home.arpa",
        "backend": "http://10.0.0.1",
        "total_ms": 12.4,
        "backend_ms": 1.0,
        "user_agent": "Mozilla",
    }
    return line | changed


class Visitor:
    """A browser with a session, or without one."""

    def __init__(self, folder: Path, status: Status, is_in: bool = True) -> None:
        self.box = ShownBox(status)
        self.office = Office(folder, self.box)
        self.secret = ""
        if is_in:
            code = str(self.office.account.code)
            self.secret = asyncio.run(self.office.account.claim(code, PASSWORD))

    def ask(self, method: str, target: str, form: dict[str, str] | None = None) -> Answer:
        path, _, query = target.partition("?")

        async def read_body(limit: int) -> bytes:
            return urlencode({"csrf": csrf_of(self.secret), **(form or {})}).encode()

        fields = {**HERE, "content-type": FORM}
        if self.secret:
            fields["cookie"] = f"gatelight-admin={self.secret}"
        segments = tuple(unquote(part) for part in path[1:].split("/"))
        request = Request(method, segments, dict(parse_qsl(query)), fields, CLIENT, read_body)
        return asyncio.run(self.office.app.ask(request))

    def get(self, target: str) -> str:
        answer = self.ask("GET", target)
        assert answer.status == 200, (target, answer.body)
        assert not self.office.complaints
        return answer.body.decode()


class Reader(HTMLParser):
    """Ids, what refers to them, and whether every tag that is opened is closed."""

    VOID = frozenset(("meta", "link", "input", "img", "br", "option"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.referred: list[str] = []
        self.headings: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        if named.get("id"):
            self.ids.append(str(named["id"]))
        for name in ("for", "aria-describedby", "aria-labelledby", "list"):
            self.referred += str(named.get(name) or "").split()
        if tag == "h1":
            self.headings.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert tag in self.VOID or self.open.pop() == tag


def name_site(page: str, status: Status) -> str:
    return page.replace("{host}", quote(status["sites"][0]["host"] if status["sites"] else "", ""))


@pytest.mark.parametrize("name", ["calm", "trouble", "many", "unknown", "offline", "new", "trial"])
def test_each_page_of_each_box_is_drawn_and_whole(tmp_path: Path, name: str) -> None:
    status = make_status(name)
    visitor = Visitor(tmp_path, status)
    visitor.box.lines = [make_line(), make_line(status=200)]
    for page in PAGES:
        if "{host}" in page and not status["sites"]:
            continue
        read = Reader(visitor.get(name_site(page, status)))
        assert len(read.ids) == len(set(read.ids)), page
        assert set(read.referred) <= set(read.ids), page
        assert len(read.headings) == 1, page


def test_what_comes_from_others_is_escaped_on_every_page(tmp_path: Path) -> None:
    status = make_status("trouble")
    site = status["sites"][0]
    site["host"] = site["origin"] = EVIL
    site["backends"][0] |= {"url": f"http://{EVIL}", "last_error": EVIL}
    site["certificate"]["issuer"] = EVIL
    status["alerts"][0] |= {"id": f"site:{EVIL}", "text": EVIL}
    status["store"] |= {"ok": False, "error": EVIL, "config": EVIL}
    status["box"] |= {"hostname": EVIL, "model": EVIL, "addresses": [EVIL]}
    visitor = Visitor(tmp_path, status)
    visitor.box.fault = EVIL
    visitor.box.name = EVIL
    visitor.box.lines = [make_line(request=EVIL, site=EVIL, client=EVIL)]
    visitor.box.tables = {EVIL: {"backends": [EVIL], "host_header": EVIL, EVIL: 1}}
    pages = [name_site(page, status) for page in PAGES]
    asked = urlencode({"find": EVIL, "site": EVIL, "status": EVIL, "contains": EVIL, "done": EVIL})
    for page in [*pages, f"/sites?{asked}", f"/log?{asked}", f"/box?{asked}"]:
        body = visitor.get(page)
        assert "<script>alert" not in body, page
        assert "<img src=x" not in body, page
        assert "\"'>" not in body, page
    form = {"host": EVIL, "backends": EVIL, "health.path": EVIL, "do": "check"}
    for answer in (visitor.ask("POST", "/add", form), visitor.ask("POST", "/try", form)):
        assert answer.status == 200
        assert b"<script>alert" not in answer.body


def test_whoever_is_not_logged_in_is_led_to_the_way_in_and_back(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status())
    visitor.secret = ""
    answer = visitor.ask("GET", "/sites/photos.home.arpa")
    assert answer.status == 303
    where = dict(answer.fields)["Location"]
    assert where == "/login?then=/sites/photos.home.arpa"
    body = visitor.get(where)
    assert 'value="/sites/photos.home.arpa"' in body
    assert "photos" not in visitor.get("/login")
    login = {"password": PASSWORD, "then": "/sites/photos.home.arpa"}
    answer = visitor.ask("POST", "/login", login)
    assert dict(answer.fields)["Location"] == "/sites/photos.home.arpa"
    assert "HttpOnly" in dict(answer.fields)["Set-Cookie"]


@pytest.mark.parametrize(
    ("referer", "expected"),
    [
        ("http://127.0.0.1:8470/sites/a.test?done=saved", "/sites/a.test"),
        ("", "/"),
        ("http://127.0.0.1:8470//evil.test", "/"),
        ("http://[", "/"),
        ("about:blank", "/"),
    ],
)
def test_whoever_acknowledges_stays_on_the_page(referer: str, expected: str) -> None:
    assert path_of(referer) == expected


@pytest.mark.parametrize(
    "then", ["//evil.test/", "https://evil.test/", "/\\evil.test", "", "/a\r\nX: y", "javascript:x"]
)
def test_nobody_is_led_elsewhere(tmp_path: Path, then: str) -> None:
    visitor = Visitor(tmp_path, make_status())
    answer = visitor.ask("POST", "/login", {"password": PASSWORD, "then": then})
    assert dict(answer.fields)["Location"] == "/"


def test_the_claim_is_taken_once_and_refused_in_words(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status("new"), is_in=False)
    assert "Claim this box" in visitor.get("/login")
    assert dict(visitor.ask("GET", "/sites").fields)["Location"].startswith("/login")
    wrong = visitor.ask("POST", "/claim", {"code": "AAA-AAA", "password": PASSWORD})
    assert wrong.status == 403
    assert b"This is not the code." in wrong.body
    assert b'value="AAA-AAA"' in wrong.body
    code = str(visitor.office.account.code)
    short = visitor.ask("POST", "/claim", {"code": code, "password": "short"})
    assert short.status == 422
    assert b"fewer than 8 characters" in short.body
    done = visitor.ask("POST", "/claim", {"code": code.lower(), "password": PASSWORD})
    assert done.status == 303
    assert "Log in" in visitor.get("/login")
    again = visitor.ask("POST", "/claim", {"code": code, "password": PASSWORD})
    assert again.status == 409


def test_too_many_guesses_are_told_how_long_to_wait(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status())
    visitor.secret = ""
    answers = [visitor.ask("POST", "/login", {"password": "wrong"}) for _ in range(6)]
    assert [answer.status for answer in answers] == [403] * 5 + [429]
    assert b"Too many tries." in answers[-1].body
    assert b"5 minutes" in answers[-1].body


@pytest.mark.parametrize(
    "path",
    ["/acknowledge", "/add", "/try", "/sites/photos.home.arpa/edit",
     "/sites/photos.home.arpa/remove", "/certificates/photos.home.arpa/renew", "/screen/press",
     "/reload", "/password", "/tokens", "/tokens/1/remove", "/logout"],
)  # fmt: skip
def test_a_form_of_another_page_changes_nothing(tmp_path: Path, path: str) -> None:
    visitor = Visitor(tmp_path, make_status())
    form = {"csrf": "guessed", "host": "a.test", "backends": "http://10.0.0.1", "do": "save"}
    answer = visitor.ask("POST", path, form)
    assert answer.status == 403
    assert b"too old to change anything" in answer.body
    assert not visitor.box.done
    assert "a.test" not in visitor.box.tables


def test_a_site_is_added_changed_and_removed(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status())
    form = {"host": " New.test ", "backends": "http://10.0.0.1\nhttp://10.0.0.2 3", "tls": "off"}
    answer = visitor.ask("POST", "/add", form)
    assert dict(answer.fields)["Location"] == "/sites/new.test?done=added"
    table = visitor.box.tables["New.test"]
    assert table == {"backends": ["http://10.0.0.1", "http://10.0.0.2"], "weights": [1, 3]}
    host = "photos.home.arpa"
    visitor.box.tables[host] |= {"max_body": "1GiB"}
    change = {"backends": "http://10.0.0.3", "tls": "off"}
    answer = visitor.ask("POST", f"/sites/{host}/edit", change)
    assert dict(answer.fields)["Location"] == f"/sites/{host}?done=saved"
    assert visitor.box.tables[host] == {"backends": ["http://10.0.0.3"], "max_body": "1GiB"}
    assert "max_body" in visitor.get(f"/sites/{host}/edit")
    answer = visitor.ask("POST", f"/sites/{host}/remove")
    assert dict(answer.fields)["Location"] == "/sites?done=removed"
    assert host not in visitor.box.tables
    assert "Removed." in visitor.get("/sites?done=removed")


@pytest.mark.parametrize(
    ("refusal", "parts"),
    [
        (
            Refusal(422, "backends: a URL is needed", "a.test", "mend that and send it again"),
            ['aria-invalid="true"', "a URL is needed"],
        ),
        (
            Refusal(412, "the site has been changed by somebody else", "a.test", "look anew"),
            ["The site has been changed by somebody else.", "Look anew."],
        ),
        (
            Refusal(503, "/var: no space left", "the store of the sites", "make room"),
            ["no space left", "Make room."],
        ),
        (Refusal(400, "a host has no spaces", "a.test", "write a name"), ["a host has no spaces"]),
    ],
    ids=["a fault in a field", "somebody else", "a full disk", "the name"],
)
def test_what_is_refused_is_said_and_nothing_that_was_typed_is_lost(
    tmp_path: Path, refusal: Refusal, parts: list[str]
) -> None:
    visitor = Visitor(tmp_path, make_status())
    visitor.box.refusal = refusal
    form = {
        "host": "a.test",
        "backends": "http://typed.test",
        "tls": "off",
        "health.path": "/typed",
    }
    answer = visitor.ask("POST", "/add", form)
    assert answer.status == refusal.status
    for part in [*parts, "http://typed.test", 'value="/typed"']:
        assert part in answer.body.decode()


def test_a_name_that_is_there_already_is_not_written_over(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status())
    before = dict(visitor.box.tables)
    form = {"host": "wiki.home.arpa", "backends": "http://10.0.0.1"}
    answer = visitor.ask("POST", "/add", form)
    assert answer.status == 409
    assert b"there is a site wiki.home.arpa already" in answer.body
    assert visitor.box.tables == before


def test_findings_are_shown_before_anything_is_saved(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status())
    form = {"host": "a.test", "backends": "http://10.0.0.1"}
    for answer in (
        visitor.ask("POST", "/add", {**form, "do": "check"}),
        visitor.ask("POST", "/try", form),
    ):
        assert b"it leads here" in answer.body
    assert "a.test" not in visitor.box.tables


def test_a_display_mode_is_tried_and_answered(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status())
    assert "Can you see it?" not in visitor.get("/sites")
    body = visitor.get("/screen/hdmi")
    assert re.findall(r'<option value="([^"]+)"( selected)?', body) == [
        ("1920x1080@60", ""),
        ("720x576@50", " selected"),
    ]
    form = {"do": "set", "port": "0", "mode": "1920x1080@60"}
    assert b"Done." in visitor.ask("POST", "/screen/hdmi", form).body
    wish = {"port": 0, "mode": "1920x1080@60"}
    assert visitor.box.done == [("hdmi", {"do": "set", "wish": wish, "seconds": 60})]
    visitor.box.made_up = make_status("trial")
    assert "HDMI 0 shows 1920x1080@60. Can you see it?" in visitor.get("/sites")
    assert visitor.ask("POST", "/trial", {"do": "confirm"}).status == 303
    assert visitor.ask("POST", "/trial", {"do": "undo"}).status == 303
    assert visitor.box.done[1:] == [
        ("hdmi", {"do": "confirm"}),
        ("hdmi", {"do": "undo", "steps": 1}),
    ]
    assert visitor.ask("POST", "/trial", form).status == 400


def test_where_hdmi_cannot_be_changed_the_page_says_why(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status())
    visitor.box.can_change = False
    body = visitor.get("/screen/hdmi")
    assert "gatelight-hdmi.socket" in body
    assert "<select" not in body
    visitor.box.refusal = Refusal(503, "there are no boot files", "/boot", "name the folder")
    assert "There are no boot files." in visitor.get("/screen/hdmi")


def test_one_of_many_sites_is_found_by_a_part_of_its_name(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status("many"))
    body = visitor.get("/sites?find=garden")
    assert len(re.findall("data-name=", body)) == 10
    assert "No site is called" in visitor.get("/sites?find=nowhere")
    visitor.box.made_up["sites_total"] = 5000
    assert "4960 more" in visitor.get("/sites")


def test_alerts_are_acknowledged_one_and_all(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status("trouble"))
    ids = re.findall(r'name="(id\d)" value="([^"]*)"', visitor.get("/"))
    assert ids == [
        ("id1", "site:photos.home.arpa"),
        ("id1", "site:photos.home.arpa"),
        ("id2", "box:temperature"),
    ]
    visitor.ask("POST", "/acknowledge", dict(ids))
    assert visitor.box.done == [("acknowledge", ["site:photos.home.arpa", "box:temperature"])]


def test_the_password_changes_and_a_token_is_shown_once(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status())
    wrong = visitor.ask("POST", "/password", {"old": "no", "new": "another horse"})
    assert wrong.status == 403
    assert b"This is not the present password." in wrong.body
    done = visitor.ask("POST", "/password", {"old": PASSWORD, "new": "another horse"})
    assert done.status == 303
    visitor.secret = dict(done.fields)["Set-Cookie"].partition("=")[2].partition(";")[0]
    made = visitor.ask("POST", "/tokens", {"name": "prometheus"})
    (token,) = set(re.findall(r"gatelight_[\w-]{20,}", made.body.decode()))
    assert visitor.office.account.has_token(token)
    assert token not in visitor.get("/box")
    (id,) = [each["id"] for each in visitor.office.account.list_tokens()]
    assert visitor.ask("POST", f"/tokens/{id}/remove").status == 303
    assert not visitor.office.account.has_token(token)
    assert visitor.ask("POST", "/tokens", {"name": ""}).status == 422
    assert visitor.ask("POST", "/logout").status == 303
    assert visitor.ask("GET", "/box").status == 303


def test_files_are_kept_under_the_name_that_changes_with_them(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status(), is_in=False)
    body = visitor.get("/login")
    (style,) = re.findall(r'href="(/static/\w+/style\.css)"', body)
    answer = visitor.ask("GET", style)
    assert "immutable" in dict(answer.fields)["Cache-Control"]
    assert answer.kind.startswith("text/css")
    old = visitor.ask("GET", "/static/0/style.css")
    assert dict(old.fields)["Cache-Control"] == "no-store"
    for name in ("nothing.css", "..", "../base.html", ""):
        assert visitor.ask("GET", f"/static/0/{name}").status in (303, 404)


def test_the_live_event_has_what_the_pages_show(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status("trouble"))

    async def read_one() -> dict[str, Any]:
        fields = {**HERE, "cookie": f"gatelight-admin={visitor.secret}"}
        answer = await visitor.office.app.ask(Request("GET", ("live",), {}, fields, CLIENT))
        assert answer.stream is not None
        event = (await anext(answer.stream)).decode()
        name, data = event.split("\n")[:2]
        assert name == "event: live"
        found: dict[str, Any] = json.loads(data.removeprefix("data: "))
        return found

    news = asyncio.run(read_one())
    body = visitor.get("/")
    assert set(re.findall(r'data-live="(\w+)"', body)) <= set(news["shown"])
    assert set(re.findall(r'data-gauge="(\w+)"', body)) <= set(news["gauges"])
    assert f'data-revision="{news["revision"]}"' in body
    assert (news["state"], news["shown"]["word"]) == ("down", "Site down")
    assert news["rates"]["git.home.arpa"] == "8.6/s"
    assert news["plotted"]["errors_per_s"] == 1.5


def test_the_root_is_for_everybody_and_a_name_of_nothing_is_not_there(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, make_status(), is_in=False)
    assert visitor.ask("GET", "/trust/root-1.crt").body == b"-----BEGIN"
    assert visitor.ask("GET", "/trust/root-2.crt").status == 404
    visitor = Visitor(tmp_path / "in", make_status())
    missing = visitor.ask("GET", "/sites/none.test")
    assert missing.status == 404
    assert b"There is no such site." in missing.body
    assert b"GET /v1" not in visitor.ask("GET", "/nothing").body
