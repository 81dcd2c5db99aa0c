"""A real Prometheus reads a real box, over HTTPS with a token, as docs/dashboard.md says."""

import json
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.e2e.test_demo import free_port
from tests.support.admin_client import ANYWHERE, claim
from tests.support.backend import ScriptedBackend
from tests.support.box import Box, site, wait_until
from tests.support.secure import trusting

SCRAPE = """\
global: {{ scrape_interval: 500ms, scrape_timeout: 500ms }}
scrape_configs:
  - job_name: gatelight
    scheme: https
    tls_config: {{ ca_file: "{root}", server_name: localhost }}
    authorization: {{ credentials: "{token}" }}
    static_configs: [{{ targets: ["localhost:{port}"] }}]
"""


def query(port: int, text: str) -> dict[str, float]:
    """The samples of a query, by their labels."""
    url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(text)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: list[Any] = json.load(answer)["data"]["result"]
    return {
        ",".join(value for key, value in sorted(each["metric"].items()) if key in ("site", "code"))
        or "all": float(each["value"][1])
        for each in found
    }


def test_prometheus_reads_what_has_happened(tmp_path: Path) -> None:
    with (
        ScriptedBackend() as backend,
        Box(tmp_path, site("a.test", backend.url), listen=ANYWHERE) as box,
    ):
        root = tmp_path / "tls/roots/1/root.crt"
        wait_until(root.exists, "a root")
        owner = claim(box, trusting(root))
        token = owner.ask("POST", "/v1/tokens", {"name": "prometheus"}).json["token"]
        for _ in range(7):
            box.get()
        box.get(host="b.test")
        config = tmp_path / "prometheus.yml"
        config.write_text(SCRAPE.format(root=root, token=token, port=owner.port))
        port = free_port()
        with (tmp_path / "prometheus.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    *("prometheus", f"--config.file={config}"),
                    *(f"--storage.tsdb.path={tmp_path}/data",),
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stderr=log,
                stdout=log,
            )
        try:

            def read(text: str) -> dict[str, float]:
                try:
                    return query(port, text)
                except OSError:
                    assert process.poll() is None, (tmp_path / "prometheus.log").read_text()
                    return {}

            wait_until(lambda: read("up") == {"all": 1.0}, "Prometheus reading the box")
            counted = 'gatelight_requests_total{site="a.test"}'
            wait_until(lambda: read(counted).get("2xx,a.test") == 7.0, "the requests")
            slow = "histogram_quantile(0.99, gatelight_request_duration_seconds_bucket)"
            assert 0 < read(slow)["a.test"] < 60
            assert read("gatelight_backend_up") == {"a.test": 1.0}
            assert read("gatelight_box_memory_size_bytes")["all"] > 1e8
        finally:
            process.terminate()
            process.wait(20)
