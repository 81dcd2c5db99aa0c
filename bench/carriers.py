"""The proxies that carry TLS undecrypted by its name: how each is configured.

The same for all: one worker, a line in a log for each connection, the name read from the hello.
"""

import os

from bench.targets import (
    HAPROXY_CONNECTIONS,
    IDLE_S,
    MAX_CONNECTIONS,
    Launch,
    Proxy,
    Setup,
    Speaks,
    gatelight_program,
)

MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"


def launch(name: str, setup: Setup, file: str, text: str, *command: str) -> Launch:
    return Launch(name, setup.port, setup.folder, {file: text}, command, {}, Speaks.TCP)


def plan_nginx(setup: Setup) -> Launch:
    """Debian's nginx has its stream module apart."""
    user = "user root;\n" if os.geteuid() == 0 else ""
    module = f"load_module {MODULE};\n" if os.path.exists(MODULE) else ""
    text = f"""{module}{user}daemon off;
worker_processes {setup.workers};
pid {setup.folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections {2 * MAX_CONNECTIONS}; }}
stream {{
    log_format carried '$remote_addr [$time_local] $ssl_preread_server_name '
                       '$status $bytes_sent $bytes_received $session_time';
    access_log {setup.folder}/access.log carried;
    map $ssl_preread_server_name $backend {{
        default 127.0.0.1:{setup.backends[0]};
    }}
    server {{
        listen 127.0.0.1:{setup.port} reuseport backlog=4096;
        ssl_preread on;
        proxy_pass $backend;
        proxy_timeout {IDLE_S}s;
    }}
}}
"""
    command = ("nginx", "-p", str(setup.folder), "-c", str(setup.folder / "nginx.conf"))
    return launch("nginx", setup, "nginx.conf", text, *command)


def plan_haproxy(setup: Setup, splice: bool = False) -> Launch:
    """By default it does not splice; `splice` forces it both ways."""
    forced = "\n    option splice-request\n    option splice-response" if splice else ""
    name = "haproxy-splice" if splice else "haproxy"
    text = f"""global
    nbthread {setup.workers}
    maxconn {HAPROXY_CONNECTIONS}
    no strict-limits
    log stdout format raw local0
defaults
    mode tcp
    log global
    option tcplog
    timeout connect 5s
    timeout client {IDLE_S}s
    timeout server {IDLE_S}s{forced}
frontend front
    bind 127.0.0.1:{setup.port} backlog 4096
    tcp-request inspect-delay 5s
    tcp-request content accept if {{ req.ssl_hello_type 1 }}
    use_backend back if {{ req.ssl_sni -m found }}
backend back
    server b0 127.0.0.1:{setup.backends[0]}
"""
    config = str(setup.folder / "haproxy.cfg")
    return launch(name, setup, "haproxy.cfg", text, "haproxy", "-db", "-f", config)


def plan_haproxy_splice(setup: Setup) -> Launch:
    return plan_haproxy(setup, splice=True)


def plan_gatelight(setup: Setup) -> Launch:
    text = f"""[listen]
https = "127.0.0.1:{setup.port}"
admin_socket = "{setup.folder}/admin.sock"
[proxy]
workers = {setup.workers}
access_log = "{setup.folder}/access.log"
state_dir = "{setup.folder}"
drain = "2s"
[limits]
connections = {MAX_CONNECTIONS}
connections_per_client = {MAX_CONNECTIONS}
[[site]]
host = "*"
backends = ["tcp://127.0.0.1:{setup.backends[0]}"]
tls = "passthrough"
"""
    config = str(setup.folder / "gatelight.toml")
    command = (gatelight_program(), "serve", "--config", config)
    return launch("gatelight", setup, "gatelight.toml", text, *command)


CARRIERS = {
    proxy.name: proxy
    for proxy in (
        Proxy("gatelight", (gatelight_program(), "--version"), plan_gatelight),
        Proxy("nginx", ("nginx", "-v"), plan_nginx),
        Proxy("haproxy", ("haproxy", "-v"), plan_haproxy),
        Proxy("haproxy-splice", ("haproxy", "-v"), plan_haproxy_splice),
    )
}
