"""Opens the sockets that the supervisor keeps for its workers, or goes on with those it had."""

import errno
import os
import socket
from collections.abc import Mapping, Sequence

from appliance.quantities import Address

# What a burst may queue while a worker is replaced.
BACKLOG = 4096


class ListenError(OSError):
    """An address that cannot be listened on, in words."""


def open_listeners(
    addresses: tuple[Address, ...], workers: int, kept: Mapping[str, Sequence[socket.socket]] = {}
) -> list[tuple[socket.socket, ...]]:
    """One socket for each worker and address, all listening.

    SO_REUSEPORT gives each worker a queue of its own, and the kernel spreads connections over them.
    `kept` are those of the process before, by address: clients may be waiting in their queues.
    Raises ListenError.
    """
    rows: list[list[socket.socket]] = [[] for _ in range(workers)]
    for address in addresses:
        chosen, ready = address, list(kept.get(str(address), ()))
        if ready:
            chosen = Address(address.host, ready[0].getsockname()[1])
        else:
            _check_free(address)
        for row in rows:
            listener = ready.pop(0) if ready else _open_listener(chosen)
            chosen = Address(address.host, listener.getsockname()[1])
            row.append(listener)
    return [tuple(row) for row in rows]


def adopt_listeners(files: Mapping[str, Sequence[int]]) -> dict[str, list[socket.socket]]:
    """Files handed to this process as sockets, by name; what does not listen is closed."""
    adopted: dict[str, list[socket.socket]] = {}
    for name, numbers in files.items():
        for number in numbers:
            if _is_listening(number):
                adopted.setdefault(name, []).append(socket.socket(fileno=number))
            else:
                os.close(number)
    return adopted


def _is_listening(number: int) -> bool:
    try:
        # The descriptor stays the caller's: a socket object would close it.
        with socket.socket(fileno=os.dup(number)) as probe:
            is_stream = probe.type == socket.SOCK_STREAM
            return is_stream and bool(probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False


def _check_free(address: Address) -> None:
    """SO_REUSEPORT would quietly share the port with another of our user's servers."""
    if not address.port:
        return
    with _open_socket(address) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(probe, address)


def _open_listener(address: Address) -> socket.socket:
    listener = _open_socket(address)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _bind(listener, address)
    listener.listen(BACKLOG)
    return listener


def _open_socket(address: Address) -> socket.socket:
    try:
        return socket.socket(
            socket.AF_INET6 if ":" in address.host else socket.AF_INET, socket.SOCK_STREAM
        )
    except OSError as error:
        raise ListenError(_words(error, address)) from None


def _bind(sock: socket.socket, address: Address) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        sock.bind((address.host, address.port))
    except OSError as error:
        sock.close()
        raise ListenError(_words(error, address)) from None


def _words(error: OSError, address: Address) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {address.port} is in use at {address}: "
            "stop what listens there, or choose another"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"no permission to listen at {address}: run as root, grant CAP_NET_BIND_SERVICE, "
            "or choose a port from 1024 up"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"this machine has no address {address.host}: choose one of its own, or 0.0.0.0"
    if error.errno == errno.EAFNOSUPPORT:
        return f"this machine has no IPv6 to listen at {address}: choose an IPv4 address"
    return f"cannot listen at {address} ({error.strerror}): choose another address"
