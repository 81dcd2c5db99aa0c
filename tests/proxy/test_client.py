"""A client's connection, with a socket that only remembers what was asked of it."""

from types import SimpleNamespace
from typing import Any

from appliance.config import Limits
from appliance.proxy.client import LINGER_S, ClientConnection


class Socket:
    """A transport whose other end takes nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("192.0.2.7", 40000) if name == "peername" else ("192.0.2.1", 80)

    def close(self) -> None:
        self.asked.append("close")

    def abort(self) -> None:
        self.asked.append("abort")


def test_an_idle_client_that_does_not_take_its_last_answer_is_cut_off() -> None:
    limits = Limits()
    gate: Any = SimpleNamespace(
        now_s=100.0, limits=limits, clients=set(), trusted=(), admit=lambda peer: None
    )
    client, socket = ClientConnection(gate), Socket()
    client.connection_made(socket)
    client.await_next()
    assert client.deadline_s == 100.0 + limits.idle_timeout_s
    gate.now_s = client.deadline_s
    client.on_deadline()
    assert socket.asked == ["close"]
    assert client.deadline_s == gate.now_s + LINGER_S
    client.on_deadline()
    assert socket.asked == ["close", "abort"]
