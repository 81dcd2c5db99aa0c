"""A site whose TLS ends here, judged by testssl.sh: run as `python -m tests.tls.grade`.

Where testssl.sh gives a grade, it has to be an A. Older ones do not; then no finding may be worse
than a note, but for those below.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.backend import ScriptedBackend
from tests.support.box import Box, site

HARMLESS = ("OK", "INFO", "LOW", "DEBUG")
ACCEPTED = {
    "engine_problem": "about testssl's own openssl",
    "cipher_order": "all ciphers are sound, and the client knows what its processor is good at",
    "cert_revocation": "a local CA has no list of what it revoked: it has its own box as only customer",
    "security_headers": "which ones a site sends is up to its backend",
    "DNS_CAArecord": "a local name has no such record",
}
LIMIT_S = 600


def judge(folder: Path, url: str) -> list[dict[str, Any]]:
    """Every finding of testssl.sh."""
    more = 'tls = "terminate"\nhsts = true'
    sites = site("localhost", url, more=more) + site("*", url, more=more)
    report = folder / "findings.json"
    with Box(folder, sites, listen='https = "127.0.0.1:0"') as box:
        root = folder / "tls/roots/1/root.crt"
        subprocess.run(
            [
                *("testssl", "--quiet", "--color", "0", "--warnings", "off", "--ip", "127.0.0.1"),
                *("--add-ca", str(root), "--jsonfile", str(report)),
                f"localhost:{box.secure_port}",
            ],
            timeout=LIMIT_S,
            check=False,
        )
    found: list[dict[str, Any]] = json.loads(report.read_text())
    return found


def main() -> int:
    """Says what is not good enough; the exit code."""
    with tempfile.TemporaryDirectory() as folder, ScriptedBackend() as backend:
        found = judge(Path(folder), backend.url)
    known = {each["id"] for each in found}
    assert {"TLS1_3", "heartbleed", "cert_chain_of_trust"} <= known, (
        "testssl.sh did not get through"
    )
    bad = [
        each for each in found if each["severity"] not in HARMLESS and each["id"] not in ACCEPTED
    ]
    bad += [each for each in found if each["id"] == "overall_grade" and each["finding"][0] != "A"]
    for each in bad:
        print(f"not good enough: {each['id']}: {each['severity']}: {each['finding']}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
