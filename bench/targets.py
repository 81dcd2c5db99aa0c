"""The proxies that are compared: how each is configured and started.

The same for all: one worker, an access log with a line per request, the forwarded fields set,
connections to the backend kept, every address the same site, bodies streamed. Limits that would
end a load (requests per connection, connections per client) are raised; the rest is left as
each proxy has it by default.
"""

import enum
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

IDLE_S = 300  # longer than it takes to open all idle connections
MAX_CONNECTIONS = 16384
HAPROXY_CONNECTIONS = 12000
HAPROXY_CHECK = """    option httpchk GET /
    option redispatch
    retries 3
"""


class Speaks(enum.Enum):
    """How a target is asked whether it serves."""

    HTTP = enum.auto()
    HTTPS = enum.auto()
    TCP = enum.auto()


@dataclass(frozen=True, slots=True)
class Checks:
    """How backends are asked whether they are well, and how long a request waits for one."""

    interval_s: float
    answer_s: float


@dataclass(frozen=True, slots=True)
class Setup:
    """What a target is to be: where it listens and what is behind it."""

    folder: Path
    port: int
    backends: Sequence[int]
    workers: int = 1
    secure: Path | None = None
    """Where site.pem, site.key and both.pem are, for a target that ends TLS."""
    checks: Checks | None = None
    hooks: Path | None = None
    """A hooks.py; only Gatelight has such."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A configuration written out, and the command that serves it in the foreground."""

    name: str
    port: int
    folder: Path
    files: dict[str, str]
    command: tuple[str, ...]
    environment: dict[str, str]
    speaks: Speaks = Speaks.HTTP


@dataclass(frozen=True, slots=True)
class Proxy:
    name: str
    version: tuple[str, ...]
    plan: Callable[[Setup], Launch]


def plan_launch(
    name: str,
    setup: Setup,
    file: str,
    text: str,
    command: Sequence[str],
    environment: dict[str, str] | None = None,
) -> Launch:
    speaks = Speaks.HTTPS if setup.secure else Speaks.HTTP
    return Launch(
        name, setup.port, setup.folder, {file: text}, tuple(command), environment or {}, speaks
    )


def nginx_text(folder: Path, workers: int, http: str) -> str:
    """A whole nginx.conf around the http part; all its files stay in the folder."""
    # as root nginx would give its workers another user, who cannot write here
    user = "user root;\n" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "\n".join(f"    {kind}_temp_path {folder}/{kind};" for kind in kinds)
    return f"""{user}daemon off;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections {MAX_CONNECTIONS}; }}
http {{
    keepalive_timeout {IDLE_S}s;
    keepalive_requests 100000000;
{folders}
{http}
}}
"""


def nginx_tls(secure: Path | None) -> str:
    """Its defaults with sessions kept, as everybody configures it."""
    if secure is None:
        return ""
    return f"""        ssl_certificate {secure}/site.pem;
        ssl_certificate_key {secure}/site.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:sessions:10m;
"""


def plan_nginx(setup: Setup, buffered: bool = False) -> Launch:
    """Streaming instead of its temporary files, which could only slow it down here."""
    servers = "\n".join(f"        server 127.0.0.1:{port};" for port in setup.backends)
    buffer = " buffer=64k flush=1s" if buffered else ""
    # The open edition has no checks of its own: it sees what traffic shows.
    limit = f"proxy_read_timeout {setup.checks.answer_s:g}s;" if setup.checks else ""
    http = f"""    access_log {setup.folder}/access.log combined{buffer};
    client_max_body_size 0;
    upstream backend {{
{servers}
        keepalive 64;
        keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{setup.port}{" ssl" if setup.secure else ""} reuseport backlog=4096;
{nginx_tls(setup.secure)}        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
            {limit}
        }}
    }}"""
    name = "nginx-buffered" if buffered else "nginx"
    text = nginx_text(setup.folder, setup.workers, http)
    command = ["nginx", "-p", str(setup.folder), "-c", str(setup.folder / "nginx.conf")]
    return plan_launch(name, setup, "nginx.conf", text, command)


def plan_nginx_buffered(setup: Setup) -> Launch:
    return plan_nginx(setup, buffered=True)


def plan_haproxy(setup: Setup) -> Launch:
    """Its log goes to standard output, a file here: one write a line, as nginx does."""
    checks = setup.checks
    check = f" check inter {round(checks.interval_s * 1000)}ms fall 2 rise 2" if checks else ""
    servers = "\n".join(
        f"    server b{index} 127.0.0.1:{port}{check}" for index, port in enumerate(setup.backends)
    )
    crt = f" ssl crt {setup.secure}/both.pem ssl-min-ver TLSv1.2" if setup.secure else ""
    text = f"""global
    nbthread {setup.workers}
    maxconn {HAPROXY_CONNECTIONS}
    no strict-limits
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client {IDLE_S}s
    timeout http-keep-alive {IDLE_S}s
    timeout server {f"{checks.answer_s:g}" if checks else "600"}s
frontend front
    bind 127.0.0.1:{setup.port} backlog 4096{crt}
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto http{"s" if setup.secure else ""}
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Real-IP %[src]
    default_backend back
backend back
    balance roundrobin
    http-reuse safe
{HAPROXY_CHECK if checks else ""}{servers}
"""
    # A master, as its service has it, so that it can be told to read its file again.
    command = [
        "haproxy",
        *(("-W", "-db") if checks else ("-db",)),
        "-f",
        str(setup.folder / "haproxy.cfg"),
    ]
    return plan_launch("haproxy", setup, "haproxy.cfg", text, command)


def plan_caddy(setup: Setup) -> Launch:
    """Sets X-Forwarded-For, -Proto and -Host by itself."""
    backends = " ".join(f"127.0.0.1:{port}" for port in setup.backends)
    files = f"{setup.secure}/site.pem {setup.secure}/site.key"
    tls = f"\n    tls {files} {{\n        alpn http/1.1\n    }}" if setup.secure else ""
    text = f"""{{
    admin off
    auto_https off
    servers {{
        timeouts {{
            idle {IDLE_S}s
        }}
    }}
}}
{"https" if setup.secure else "http"}://:{setup.port} {{
    bind 127.0.0.1{tls}
    log {{
        output file {setup.folder}/access.log {{
            roll_disabled
        }}
    }}
    reverse_proxy {backends} {{
        lb_policy round_robin
        header_up X-Real-IP {{remote_host}}
    }}
}}
"""
    command = ["caddy", "run", "--adapter", "caddyfile"]
    command += ["--config", str(setup.folder / "Caddyfile")]
    home = str(setup.folder)
    environment = {"GOMAXPROCS": str(setup.workers), "HOME": home}
    environment |= {"XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home}
    return plan_launch("caddy", setup, "Caddyfile", text, command, environment)


def gatelight_program() -> str:
    """The command beside the Python that runs this."""
    return str(Path(sys.executable).with_name("gatelight"))


def plan_gatelight(setup: Setup) -> Launch:
    backends = ", ".join(f'"http://127.0.0.1:{port}"' for port in setup.backends)
    ended = f"""tls = "terminate"
certificate = "{setup.secure}/site.pem"
key = "{setup.secure}/site.key"
"""
    checks, hooks = setup.checks, setup.hooks
    checked = (
        f"""[site.health]
path = "/"
interval = "{checks.interval_s:g}s"
timeout = "{checks.interval_s:g}s"
rise = 2
fall = 2
"""
        if checks
        else ""
    )
    limit = f'backend_response = "{checks.answer_s:g}s"' if checks else ""
    text = f"""[listen]
{"https" if setup.secure else "http"} = "127.0.0.1:{setup.port}"
admin_socket = "{setup.folder}/admin.sock"
[proxy]
workers = {setup.workers}
access_log = "{setup.folder}/access.log"
state_dir = "{setup.folder}"
drain = "2s"
{f'hooks = "{hooks}"' if hooks else ""}
[limits]
idle_timeout = "{IDLE_S}s"
connections = {MAX_CONNECTIONS}
connections_per_client = {MAX_CONNECTIONS}
{limit}
[[site]]
host = "*"
backends = [{backends}]
{ended if setup.secure else ""}{checked}"""
    command = [gatelight_program(), "serve", "--config", str(setup.folder / "gatelight.toml")]
    return plan_launch("gatelight", setup, "gatelight.toml", text, command)


PROXIES = {
    proxy.name: proxy
    for proxy in (
        Proxy("gatelight", (gatelight_program(), "--version"), plan_gatelight),
        Proxy("nginx", ("nginx", "-v"), plan_nginx),
        Proxy("nginx-buffered", ("nginx", "-v"), plan_nginx_buffered),
        Proxy("haproxy", ("haproxy", "-v"), plan_haproxy),
        Proxy("caddy", ("caddy", "version"), plan_caddy),
    )
}
