"""The sink and the sleepers, in small."""

import socket
import threading
from pathlib import Path

import pytest

from bench.backends import LARGE, make_large, parse_length, serve_connection
from bench.loads import LoadError
from bench.transfers import upload


@pytest.mark.parametrize(
    ("head", "length"),
    [
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: 12", 12, id="length"),
        pytest.param(b"POST / HTTP/1.1\r\ncontent-length:  12\r\nHost: a", 12, id="lower case"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a", 0, id="none"),
    ],
)
def test_the_length_of_an_upload_is_read(head: bytes, length: int) -> None:
    assert parse_length(head) == length


def test_a_chunked_upload_is_refused() -> None:
    with pytest.raises(ValueError, match="with a length only"):
        parse_length(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked")


def serve_one(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    # half-closed by nobody: the sink ends when the client does, so close for it after one answer
    connection.settimeout(0.5)
    serve_connection(connection)


def test_an_upload_is_counted_to_its_last_byte() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_one, args=(listener,))
        thread.start()
        upload(listener.getsockname()[1], 3_000_001)
        thread.join()


def test_an_upload_to_something_that_is_no_sink_is_an_error() -> None:
    def close_at_once(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=close_at_once, args=(listener,))
        thread.start()
        with pytest.raises(LoadError, match="not a 200"):
            upload(listener.getsockname()[1], 10)
        thread.join()


def test_the_large_file_is_of_the_size_asked_for(tmp_path: Path) -> None:
    make_large(tmp_path, 10_000_000)
    stat = (tmp_path / LARGE).stat()
    assert stat.st_size == 10_000_000
    assert stat.st_blocks * 512 < 1_000_000
