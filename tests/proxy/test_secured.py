"""TLS between a socket and its receiver, with both replaced by ones that note what is done."""

import contextlib
import random
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.proxy.secured import Secured
from appliance.tls.authority import make_intermediate, make_leaf, make_root
from appliance.tls.contexts import load_pem, make_context
from tests.support.key_updates import KeyUpdates

NOW = datetime.now(UTC)
PEM = make_leaf(make_intermediate(make_root("root", [], NOW), "signer", NOW), ["a.test"], NOW)
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class NotedTransport:
    """A socket's transport: keeps what is written."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.largest = 0
        self.did: list[str] = []

    def write(self, data: bytes) -> None:
        assert data
        assert "write_eof" not in self.did
        assert "close" not in self.did
        self.sent += data
        self.largest = max(self.largest, len(data))

    def set_protocol(self, protocol: Any) -> None:
        self.did.append("set_protocol")

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("192.0.2.1", 4711)}.get(name, default)

    def can_write_eof(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Callable[[], None]:
        return lambda: self.did.append(name)


class NotedReceiver:
    """What stands above: keeps what it is told."""

    def __init__(self) -> None:
        self.got = b""
        self.told: list[str] = []
        self.stays = False
        self.answer: Callable[[], None] = lambda: None

    def connection_made(self, transport: Any) -> None:
        self.told.append("made")

    def data_received(self, data: bytes) -> None:
        assert data
        self.got += data
        self.answer()

    def eof_received(self) -> bool:
        self.told.append("eof")
        return self.stays

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")


class Tried(Secured):
    """Begins with the first bytes that come, and gives a receiver that notes what it is told."""

    def __init__(
        self,
        later: list[Callable[[], None]],
        own: ssl.SSLContext,
        receiver: NotedReceiver,
        failures: list[str],
    ) -> None:
        super().__init__(later.append)
        self._own, self._noted, self._failures = own, receiver, failures

    def arrived(self, data: bytes) -> None:
        self.begin(make_context(), self._own, data)

    def opened(self) -> NotedReceiver:
        return self._noted

    def failed(self, why: str) -> None:
        self._failures.append(why)


class Talk:
    """A client, and the object under test between its two doubles."""

    def __init__(
        self, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, key_log: Path | None = None
    ) -> None:
        self.transport, self.receiver = NotedTransport(), NotedReceiver()
        self.later: list[Callable[[], None]] = []
        self.failed: list[str] = []
        own = make_context()
        load_pem(own, PEM)
        self.secured = Tried(self.later, own, self.receiver, self.failed)
        self.secured.transport = self.transport
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = version
        if key_log is not None:
            context.keylog_filename = str(key_log)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self._incoming, self._outgoing)

    def try_(self, action: Callable[..., Any], *arguments: Any) -> Any:
        """Lets the client do something; gives None where it has to wait."""
        self._incoming.write(bytes(self.transport.sent))
        self.transport.sent.clear()
        try:
            return action(*arguments)
        except ssl.SSLWantReadError:
            return None

    def pass_on(self, step: int = 1 << 20) -> None:
        """Hands what the client has written to the object under test."""
        data = self._outgoing.read()
        for start in range(0, len(data), step):
            self.secured.data_received(data[start : start + step])

    def shake_hands(self, step: int = 1 << 20) -> None:
        self.try_(self.client.do_handshake)
        self.secured.data_received(self._outgoing.read())
        for _ in range(3):
            self.try_(self.client.do_handshake)
            self.pass_on(step)

    def read_all(self) -> bytes:
        found = b""
        with contextlib.suppress(ssl.SSLZeroReturnError):
            while data := self.try_(self.client.read, 1 << 16):
                found += data
        return found

    def run_later(self) -> None:
        waiting, self.later[:] = list(self.later), []
        for callback in waiting:
            callback()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("step", [1, 100, 1 << 20], ids=["byte by byte", "in pieces", "whole"])
def test_what_is_written_arrives_however_it_is_cut(version: ssl.TLSVersion, step: int) -> None:
    talk = Talk(version)
    talk.shake_hands(step)
    assert talk.receiver.told == ["made"]
    talk.client.write(b"a request")
    talk.pass_on(step)
    assert talk.receiver.got == b"a request"
    talk.secured.write(b"an answer")
    assert talk.read_all() == b"an answer"
    assert talk.secured.get_extra_info("peername") == ("192.0.2.1", 4711)


def test_a_ticket_goes_out_with_the_answer_to_a_request_that_is_here_already() -> None:
    talk = Talk()
    talk.try_(talk.client.do_handshake)
    talk.pass_on()
    talk.try_(talk.client.do_handshake)
    talk.client.write(b"a request")
    talk.pass_on()
    assert (talk.receiver.got, bytes(talk.transport.sent)) == (b"a request", b"")
    talk.secured.write(b"an answer")
    assert talk.read_all() == b"an answer"
    assert talk.client.session is not None
    assert talk.client.session.has_ticket


def test_much_at_once_goes_through_in_pieces() -> None:
    talk = Talk()
    talk.shake_hands()
    data = random.Random(1).randbytes(1_000_000)
    talk.client.write(data)
    talk.pass_on()
    assert talk.receiver.got == data
    talk.secured.write(data)
    assert talk.transport.largest < 70_000
    assert talk.read_all() == data


def test_a_paused_receiver_is_given_nothing_until_it_asks() -> None:
    talk = Talk()
    talk.shake_hands()
    talk.secured.pause_reading()
    talk.client.write(b"while it is paused")
    talk.pass_on()
    assert talk.receiver.got == b""
    talk.secured.resume_reading()
    assert talk.transport.did[-2:] == ["pause_reading", "resume_reading"]
    talk.run_later()
    assert talk.receiver.got == b"while it is paused"
    talk.secured.pause_writing()
    talk.secured.resume_writing()
    assert talk.receiver.told == ["made", "pause", "resume"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_client_s_goodbye_is_an_end_and_the_answer_still_goes_out(
    version: ssl.TLSVersion,
) -> None:
    talk = Talk(version)
    talk.receiver.stays = True
    talk.shake_hands()
    talk.client.write(b"that is all")
    talk.try_(talk.client.unwrap)
    talk.pass_on()
    assert (talk.receiver.got, talk.receiver.told) == (b"that is all", ["made", "eof"])
    assert talk.secured.eof_received() is True
    talk.secured.write(b"the answer")
    talk.secured.close()
    assert talk.read_all() == b"the answer"
    assert talk.transport.did[-1] == "close"
    talk.secured.connection_lost(None)
    assert talk.receiver.told == ["made", "eof", "lost"]


def test_a_goodbye_that_nobody_waits_for_ends_the_connection() -> None:
    talk = Talk()
    talk.shake_hands()
    talk.try_(talk.client.unwrap)
    talk.pass_on()
    assert talk.transport.did[-1] == "close"


def test_an_end_without_goodbye_is_no_end_but_a_loss() -> None:
    talk = Talk()
    talk.receiver.stays = True
    talk.shake_hands()
    assert talk.secured.eof_received() is False
    talk.secured.connection_lost(None)
    assert talk.receiver.told == ["made", "lost"]


@pytest.mark.parametrize("paused", [False, True])
def test_our_side_may_end_while_the_client_goes_on(paused: bool) -> None:
    talk = Talk()
    talk.shake_hands()
    if paused:
        talk.secured.pause_reading()
        talk.client.write(b"sent before, ")
        talk.pass_on()
    talk.secured.write(b"all of it")
    talk.secured.write_eof()
    talk.secured.write(b"too late")
    assert talk.transport.did[-1] == "write_eof"
    assert talk.try_(talk.client.read, 100) == b"all of it"
    if paused:
        talk.secured.resume_reading()
        talk.run_later()
    talk.client.write(b"and the rest")
    talk.pass_on()
    assert talk.receiver.got == b"sent before, " * paused + b"and the rest"
    talk.try_(talk.client.unwrap)
    talk.pass_on()
    assert talk.receiver.told == ["made", "eof"]


def test_a_handshake_that_fails_says_why_to_both_sides() -> None:
    talk = Talk(ssl.TLSVersion.TLSv1_2)
    talk.try_(talk.client.do_handshake)
    talk.secured.data_received(b"\x16\x03\x01\x00\x05nothi")
    assert bytes(talk.transport.sent)[:2] == b"\x15\x03"
    assert talk.transport.did[-1] == "close"
    assert len(talk.failed) == 1
    talk.secured.connection_lost(None)
    assert (len(talk.failed), talk.receiver.told) == (1, [])


def test_a_client_that_leaves_during_the_handshake_is_noted_once() -> None:
    talk = Talk()
    talk.try_(talk.client.do_handshake)
    talk.pass_on()
    assert talk.transport.sent
    assert talk.secured.eof_received() is False
    talk.secured.connection_lost(None)
    assert talk.failed == ["the connection ended"]


def test_a_forged_record_ends_the_connection() -> None:
    talk = Talk()
    talk.shake_hands()
    talk.secured.data_received(b"\x17\x03\x03\x00\x20" + bytes(32))
    assert bytes(talk.transport.sent)[:3] == b"\x17\x03\x03"
    assert talk.transport.did[-1] == "close"
    assert talk.receiver.got == b""


def test_who_asks_for_new_keys_and_takes_no_answers_is_not_read_on(tmp_path: Path) -> None:
    talk = Talk(key_log=tmp_path / "keys")
    talk.shake_hands()
    updates = KeyUpdates(tmp_path / "keys")
    talk.secured.data_received(updates.next())
    assert talk.read_all() == b""
    assert talk.transport.did == []
    talk.secured.pause_writing()
    talk.secured.data_received(updates.next())
    assert talk.transport.did[-1] == "pause_reading"
    talk.secured.pause_reading()
    talk.secured.resume_reading()
    assert talk.transport.did[-1] == "pause_reading"
    talk.secured.resume_writing()
    assert talk.transport.did[-1] == "resume_reading"
    talk.secured.write(b"an answer")
    assert talk.read_all() == b"an answer"


def test_who_asks_for_new_keys_again_and_again_is_cut_off_whatever_else_it_sends(
    tmp_path: Path,
) -> None:
    talk = Talk(key_log=tmp_path / "keys")
    talk.shake_hands()
    talk.receiver.answer = lambda: talk.secured.write(b"an answer at once")
    updates = KeyUpdates(tmp_path / "keys")
    flood = b"".join(updates.next() for _ in range(100))
    talk.secured.data_received(flood + updates.last(b"a request"))
    assert talk.transport.did[-1] == "abort"
    assert (talk.receiver.got, bytes(talk.transport.sent)) == (b"", b"")


def test_a_request_may_come_with_a_key_update(tmp_path: Path) -> None:
    talk = Talk(key_log=tmp_path / "keys")
    talk.shake_hands()
    updates = KeyUpdates(tmp_path / "keys")
    talk.secured.data_received(updates.next() + updates.last(b"a request"))
    assert talk.receiver.got == b"a request"
    talk.secured.write(b"an answer")
    assert talk.read_all() == b"an answer"


def test_after_the_end_nothing_is_handed_on() -> None:
    talk = Talk()
    talk.shake_hands()
    talk.secured.abort()
    talk.client.write(b"late")
    talk.pass_on()
    talk.secured.write(b"late")
    assert (talk.receiver.got, talk.transport.did[-1]) == (b"", "abort")
