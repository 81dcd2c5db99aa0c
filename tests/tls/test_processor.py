"""On a processor without AES, ChaCha20 comes first."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.tls.authority import make_intermediate, make_leaf, make_root
from appliance.tls.processor import AES128_FIRST, CHACHA20_FIRST, has_aes
from tests.support.box import ROOT

PI_4 = "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU part\t: 0xd08\n"


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        pytest.param(PI_4, False, id="Raspberry Pi 4"),
        pytest.param(PI_4.replace("crc32", "aes pmull crc32"), True, id="Raspberry Pi 5"),
        pytest.param("flags\t\t: fpu sse2 aes avx\n", True, id="x86"),
        pytest.param("flags\t\t: fpu sse2 vaes\n", False, id="a word that ends so"),
        pytest.param("", True, id="unknown"),
    ],
)
def test_aes_is_found_where_the_kernel_lists_it(cpuinfo: str, expected: bool) -> None:
    assert has_aes(cpuinfo) is expected


HANDSHAKE = """
import sys
from appliance.tls import processor
processor.has_aes = lambda cpuinfo: sys.argv[1] == "with"
if sys.argv[3] == "late":
    import ssl
processor.suit_processor()
import ssl
from appliance.tls.contexts import load_pem, make_context
server = make_context()
load_pem(server, open(sys.argv[2], "rb").read())
for ciphers, version in (
    ("AESGCM:CHACHA20", ssl.TLSVersion.TLSv1_2),
    ("CHACHA20:AESGCM", ssl.TLSVersion.TLSv1_2),
    ("AESGCM:CHACHA20", ssl.TLSVersion.TLSv1_3),
):
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.maximum_version = version
    client.set_ciphers(ciphers)
    one, two = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [server.wrap_bio(one, two, server_side=True), client.wrap_bio(two, one)]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
    print(ends[0].cipher()[0])
"""


@pytest.mark.parametrize("loaded", ["early", "late"])
@pytest.mark.parametrize(
    ("aes", "chosen"),
    [
        ("with", ["AES128-GCM", "CHACHA20", "TLS_AES_128_GCM"]),
        ("without", ["CHACHA20", "CHACHA20", "TLS_CHACHA20"]),
    ],
)
def test_both_versions_obey(tmp_path: Path, aes: str, chosen: list[str], loaded: str) -> None:
    """A client that has ChaCha20 first gets it in any case."""
    now = datetime.now(UTC)
    pem = tmp_path / "a.pem"
    pem.write_bytes(
        make_leaf(make_intermediate(make_root("r", [], now), "s", now), ["a.test"], now)
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENSSL_CONF"}
    done = subprocess.run(
        [sys.executable, "-c", HANDSHAKE, aes, str(pem), loaded],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    ciphers = done.stdout.split()
    assert [word in cipher for word, cipher in zip(chosen, ciphers, strict=True)] == [True] * 3, (
        ciphers
    )


def test_the_command_settles_it_before_openssl_is_loaded() -> None:
    program = (
        "import sys, appliance.__main__; from appliance.tls.processor import suit_processor; "
        "print({'_ssl', '_hashlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_openssl_s_files_are_there() -> None:
    assert "CHACHA20" in Path(CHACHA20_FIRST).read_text()
    assert "AES_128" in Path(AES128_FIRST).read_text()
