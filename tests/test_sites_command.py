"""`gatelight sites`, on files and in a real Redis."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.cli import main
from tests.support.box import Box, wait_until
from tests.support.redis import RedisServer

LISTEN = '[listen]\nhttp = "127.0.0.1:0"\n'
SITES = """\
# Ours.

# The photos.
[[site]]
host = ["photos.test", "fotos.test"]  # both
backends = ["http://a", "http://b"]
weights = [2, 1]

[[site]]
host = "nas.test"
backends = "https://c:5001"
host_header = "backend"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration with sites in a file of their own."""
    (tmp_path / "sites.toml").write_text(SITES)
    (tmp_path / "box.toml").write_text(f'{LISTEN}[store]\nfile = "{tmp_path}/sites.toml"\n')
    return tmp_path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as started:
        config = f'{LISTEN}[store]\nurl = "{started.url}#lab:"\n'
        (tmp_path / "redis.toml").write_text(config)
        yield started


def sites(folder: Path, *words: str, config: str = "box.toml") -> int:
    return main(["sites", *words, "--config", str(folder / config)])


def test_sites_are_listed_for_people_and_for_programs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sites(folder, "list") == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "photos.test http://a http://b"
    assert out.splitlines()[2] == "nas.test https://c:5001"
    assert sites(folder, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["nas.test"]["host_header"] == "backend"
    assert sites(folder, "show", "FOTOS.test.") == 0
    shown = '[[site]]\nhost = "fotos.test"\nbackends = ["http://a", "http://b"]\nweights = [2, 1]\n'
    assert capsys.readouterr().out == shown
    assert sites(folder, "show", "nas.test", "--json") == 0
    assert json.loads(capsys.readouterr().out)["host"] == "nas.test"


def test_set_and_remove_change_one_site_and_keep_the_rest_of_the_file(folder: Path) -> None:
    file = folder / "sites.toml"
    os.chmod(file, 0o604)
    assert sites(folder, "set", "new.test", "--backend", "http://n", "--backend", "unix:/n") == 0
    added = '\n[[site]]\nhost = "new.test"\nbackends = ["http://n", "unix:/n"]\n'
    assert file.read_text() == SITES + added
    assert sites(folder, "set", "nas.test", "--backend", "https://d") == 0
    text = SITES.replace('"https://c:5001"', '["https://d"]')
    assert file.read_text() == text + added
    assert sites(folder, "remove", "new.test") == 0
    assert file.read_text() == text
    assert file.stat().st_mode & 0o777 == 0o604
    assert sorted(os.listdir(folder)) == ["box.toml", "sites.toml"]


def test_other_backends_leave_no_weights_that_do_not_fit(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for urls, weights in (("cd", [2, 1]), ("c", None)):
        words = [word for url in urls for word in ("--backend", f"http://{url}")]
        assert sites(folder, "set", "photos.test", *words) == 0
        sites(folder, "show", "photos.test", "--json")
        assert json.loads(capsys.readouterr().out).get("weights") == weights


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "no.test"), 1, "there is no site no.test: gatelight sites list"),
        (("remove", "no.test"), 1, "there is no site no.test: gatelight sites list"),
        (("set", "a b", "--backend", "http://b"), 2, "a b: "),
        (
            ("set", "a.test", "--backend", "b:80"),
            2,
            'a.test: backends: a backend is a URL: did you mean "http://b:80"?',
        ),
        (("import", "/nowhere.toml"), 1, "/nowhere.toml: cannot be read: No such file"),
    ],
    ids=["show", "remove", "a bad host", "a bad backend", "no file"],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    assert sites(folder, *words) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"gatelight: {said}")
    assert (folder / "sites.toml").read_text() == SITES


def test_a_faulty_file_is_not_touched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "sites.toml"
    file.write_text(SITES + "stiky = true\n")
    assert sites(folder, "set", "a.test", "--backend", "http://b") == 1
    assert (
        'sites.toml:13: site.stiky: unknown key; did you mean "sticky"?' in capsys.readouterr().err
    )
    assert file.read_text() == SITES + "stiky = true\n"


def test_a_file_goes_to_redis_and_back_and_nothing_is_lost(
    folder: Path, server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "sites.toml"
    assert sites(folder, "import", str(file), config="redis.toml") == 0
    assert "3 sites taken from" in capsys.readouterr().err
    assert server.ask("GET", "lab:gatelight:site:nas.test")
    assert sites(folder, "export", str(file), config="redis.toml") == 0
    assert file.read_text() == SITES
    assert sites(folder, "export", str(folder / "fresh.toml"), config="redis.toml") == 0
    capsys.readouterr()
    sites(folder, "list", "--json")
    before = json.loads(capsys.readouterr().out)
    assert sites(folder, "import", str(folder / "fresh.toml")) == 0
    assert file.read_text() == SITES
    assert sites(folder, "export", config="redis.toml") == 0
    assert capsys.readouterr().out == (folder / "fresh.toml").read_text()
    sites(folder, "list", "--json", config="redis.toml")
    assert json.loads(capsys.readouterr().out) == before


def test_a_certificate_in_redis_goes_to_a_file_and_back(
    folder: Path, server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = {
        "certificate": "-----BEGIN CERTIFICATE-----\nx\n",
        "key": "-----BEGIN PRIVATE KEY-----\ny\n",
    }
    server.set_frontend("a.w.test", "http://a", prefix="lab:")
    server.ask("HSET", "lab:tls:*.w.test", *(word for each in pair.items() for word in each))
    secure = f'[listen]\nhttp = ":0"\nhttps = ":0"\n[store]\nfile = "{folder}/fresh.toml"\n'
    (folder / "secure.toml").write_text(secure)
    assert sites(folder, "export", str(folder / "fresh.toml"), config="redis.toml") == 0
    assert (folder / "fresh.toml").stat().st_mode & 0o777 == 0o600
    assert sites(folder, "show", "a.w.test", "--json", config="secure.toml") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"host": "a.w.test", "backends": ["http://a"], "tls": "terminate", **pair}
    server.ask("FLUSHALL")
    assert sites(folder, "import", str(folder / "fresh.toml"), config="redis.toml") == 0
    assert sites(folder, "show", "a.w.test", "--json", config="redis.toml") == 0
    assert json.loads(capsys.readouterr().out) == shown


def test_a_certificate_that_others_keep_in_redis_is_theirs_to_renew(
    folder: Path, server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    def put_certificate(text: str) -> None:
        server.ask("HSET", "lab:tls:*.w.test", "certificate", text, "key", text)

    put_certificate("-----BEGIN OLD-----")
    server.set_frontend("a.w.test", "http://a", prefix="lab:")
    words = ("set", "a.w.test", "--backend", "http://b")
    assert sites(folder, *words, config="redis.toml") == 0
    assert server.ask("GET", "lab:gatelight:site:a.w.test") == b'{"backends": ["http://b"]}'
    put_certificate("-----BEGIN NEW-----")
    assert sites(folder, "show", "a.w.test", "--json", config="redis.toml") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["tls"], shown["certificate"]) == ("terminate", "-----BEGIN NEW-----")
    assert shown["backends"] == ["http://b"]


def test_what_is_too_large_for_redis_is_told_and_nothing_is_written(
    folder: Path, server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = json.dumps([f"http://{'x' * 60}.{number}.test" for number in range(1000)])
    with (folder / "sites.toml").open("a") as file:
        file.write(f'\n[[site]]\nhost = "large.test"\nbackends = {urls}\n')
    assert sites(folder, "import", str(folder / "sites.toml"), config="redis.toml") == 1
    assert "gatelight: large.test: more than 65536 bytes" in capsys.readouterr().err
    assert server.ask("KEYS", "*") == []


def test_what_hipache_wrote_is_shown_changed_and_removed(
    folder: Path, server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.set_frontend("a.test", "http://a", prefix="lab:")
    server.ask("SADD", "lab:dead:a.test", "0")
    server.set_frontend("bad.test", "rubbish", prefix="lab:")
    assert sites(folder, "list", config="redis.toml") == 0
    captured = capsys.readouterr()
    assert captured.out == "a.test http://a\n"
    assert "frontend:bad.test: backend 0: a backend is a URL" in captured.err
    assert sites(folder, "set", "a.test", "--backend", "http://b", config="redis.toml") == 0
    assert sites(folder, "show", "a.test", config="redis.toml") == 0
    assert 'backends = ["http://b"]' in capsys.readouterr().out
    assert server.ask("LRANGE", "lab:frontend:a.test", 0, -1) == [b"id", b"http://a"]
    assert sites(folder, "remove", "a.test", config="redis.toml") == 0
    assert server.ask("KEYS", "*a.test") == []


def test_redis_that_is_away_is_told(
    folder: Path, server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.ask("ACL", "SETUSER", "default", "-set")
    words = ("set", "a.test", "--backend", "http://b")
    assert sites(folder, *words, config="redis.toml") == 1
    assert "gatelight: not written (" in capsys.readouterr().err
    server.stop()
    assert sites(folder, "list", config="redis.toml") == 1
    assert "gatelight: connection refused at unix://" in capsys.readouterr().err


def test_a_running_box_is_asked_where_its_sites_are(tmp_path: Path) -> None:
    with Box(tmp_path, "# none yet\n") as box:
        words = ["sites", "set", "a.test", "--backend", "http://127.0.0.1:1"]
        assert main([*words, "--socket", str(box.socket)]) == 0
        wait_until(lambda: b" 502 " in box.get(host="a.test"), "the change")
        assert "# none yet\n\n[[site]]" in box.config.read_text()
    assert main(["sites", "list", "--socket", str(box.socket)]) == 2
