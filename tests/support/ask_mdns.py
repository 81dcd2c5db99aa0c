"""Asks the network for a name by multicast, as a phone does (RFC 6762 5.1): `ask_mdns NAME`.

Prints each address that is answered within two seconds. It knows no more of DNS than it needs.
"""

import socket
import struct
import sys
import time

GROUP, PORT = "224.0.0.251", 5353
LISTEN_S = 2.0
A_RECORD, INTERNET = 1, 1


def encode_question(name: str) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!6H", 0, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)


def main() -> None:
    name = sys.argv[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        sock.sendto(encode_question(name), (GROUP, PORT))
        until_s = time.monotonic() + LISTEN_S
        found: set[str] = set()
        while (left_s := until_s - time.monotonic()) > 0:
            sock.settimeout(left_s)
            try:
                data = sock.recv(9000)
            except TimeoutError:
                break
            mark = struct.pack("!2H", A_RECORD, INTERNET)
            start = data.find(mark, data.find(name.split(".")[0].encode()))
            while start != -1:
                length = struct.unpack_from("!H", data, start + 8)[0]
                if length == 4:
                    found.add(socket.inet_ntoa(data[start + 10 : start + 14]))
                start = data.find(mark, start + 1)
    print("\n".join(sorted(found)))


if __name__ == "__main__":
    main()
