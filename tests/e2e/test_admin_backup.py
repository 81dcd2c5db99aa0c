"""A box backed up, and another made of it; a box whose sites are in Redis changed by the API."""

import io
import signal
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.admin_client import LOOPBACK, SocketClient, claim
from tests.support.backend import ScriptedBackend
from tests.support.box import Box, site, wait_until
from tests.support.redis import RedisServer
from tests.support.secure import connect, get, trusting

TLS = 'https = "127.0.0.1:0"'


@pytest.fixture(scope="module")
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as started:
        yield started


def make_folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def test_a_new_card_serves_what_the_old_one_did_with_the_root_people_trust(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    old, new = make_folder(tmp_path, "old"), make_folder(tmp_path, "new")
    sites = site("a.test", backend.url, more='tls = "terminate"') + site("b.test", backend.url)
    with Box(old, sites, listen=f"{LOOPBACK}\n{TLS}") as box:
        kept = claim(box).ask("GET", "/v1/backup")
        assert kept.fields["Content-Type"] == "application/gzip"
        root = old / "tls/roots/1/root.crt"
        trusted = trusting(root)
    with Box(new, site("c.test", backend.url), listen=f"{LOOPBACK}\n{TLS}") as box:
        owner = claim(box)
        assert b" 404 " in box.get(host="b.test").split(b"\r\n")[0]
        restored = owner.ask("POST", "/v1/restore", kept.body, Content_Type="application/gzip")
        assert (restored.status, restored.json) == (200, {"sites": 2, "roots": 1})
        for host in ("b.test", "c.test"):
            assert b"200 OK" in box.get(host=host)

        def is_trusted() -> bool:
            try:
                with connect(box.secure_port, trusted, "a.test") as sock:
                    return b"200 OK" in get(sock, "/", "a.test")
            except OSError:
                return False

        wait_until(is_trusted, "the certificate of the old box's root")


def test_a_backup_that_reaches_out_of_its_folder_changes_nothing(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for name in ("gatelight-backup.json", "../../../../tmp/evil", "/etc/cron.d/evil"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"evil"))
    with Box(tmp_path, site("a.test", backend.url)) as box:
        before = sorted(path.name for path in tmp_path.iterdir())
        config = box.config.read_bytes()
        local = SocketClient(box.socket)
        refused = local.ask("POST", "/v1/restore", held.getvalue())
        assert refused.status == 422
        assert "no backup of ours holds" in refused.json["error"]["what"]
        too_large = local.ask("POST", "/v1/restore", b"\0" * ((64 << 20) + 1))
        assert too_large.status == 413
        assert sorted(path.name for path in tmp_path.iterdir()) == before
        assert box.config.read_bytes() == config


def test_sites_in_redis_are_changed_where_they_are_and_a_redis_that_hangs_keeps_nobody_out(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    with RedisServer(tmp_path) as server:
        store = f'[store]\nurl = "{server.url}"\n'
        with Box(tmp_path, "", more=store, listen=LOOPBACK) as box:
            local = SocketClient(box.socket)
            wait_until(lambda: local.ask("GET", "/v1/status").json["store"]["ok"], "Redis")
            table = {"backends": [backend.url]}
            assert local.ask("PUT", "/v1/sites/a.test", table).status == 201
            assert b"200 OK" in box.get()
            assert local.ask("GET", "/v1/sites/a.test/settings").json["backends"] == [backend.url]
            assert local.ask("DELETE", "/v1/sites/a.test").status == 204
            assert b" 404 " in box.get().split(b"\r\n")[0]
            assert server.process is not None
            server.process.send_signal(signal.SIGSTOP)
            kept_waiting = [
                threading.Thread(target=local.ask, args=("GET", "/v1/settings"), daemon=True)
                for _ in range(12)
            ]
            for thread in kept_waiting:
                thread.start()
            owner = claim(box)
            assert owner.ask("GET", "/v1/status").status == 200
            server.stop()
            refused = local.ask("PUT", "/v1/sites/a.test", table)
            assert (refused.status, refused.json["error"]["where"]) == (
                503,
                "the store of the sites",
            )
            assert local.ask("GET", "/v1/status").status == 200
