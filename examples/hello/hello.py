"""A backend that says who answered: which backend, for which host, on whose behalf.

    python examples/hello/hello.py --port 9001 --name "hello 1"

Plain text for curl, a page for a browser. Standard library only.
"""

import argparse
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>
  :root {{ color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }}
  body {{ max-width: 34rem; margin: 12vh auto; padding: 0 1.25rem }}
  h1 {{ font-size: 2.6rem; margin: 0 0 1rem }}
  dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem }}
  dt {{ opacity: .65 }} dd {{ margin: 0; overflow-wrap: anywhere }}
</style>
<h1>{name} answered</h1>
<dl>{rows}</dl>
<p>Load the page again: the next backend answers.</p>
</html>
"""


class Hello(BaseHTTPRequestHandler):
    """Answers every GET and HEAD with the same few facts."""

    protocol_version = "HTTP/1.1"
    timeout = 120
    name = "hello"

    def do_GET(self) -> None:
        """Says who answered."""
        facts = [
            ("host", self.headers.get("Host", "")),
            ("path", self.path),
            ("x-forwarded-for", self.headers.get("X-Forwarded-For", "(not sent)")),
        ]
        if "text/html" in self.headers.get("Accept", ""):
            rows = "".join(f"<dt>{escape(key)}<dd>{escape(value)}" for key, value in facts)
            self.answer("text/html", PAGE.format(name=escape(self.name), rows=rows))
        else:
            lines = [f"{self.name} answered", *(f"{key}: {value}" for key, value in facts)]
            self.answer("text/plain", "\n".join(lines) + "\n")

    do_HEAD = do_GET  # noqa: N815  # the name that http.server asks for

    def answer(self, kind: str, text: str) -> None:
        """Sends one whole answer."""
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the proxy in front keeps the log."""


def main() -> None:
    """Serves until ended; port 0 takes a free one. The first line says where."""
    parser = argparse.ArgumentParser(description="A backend that says who answered.")
    parser.add_argument("--port", type=int, default=9001)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--name", default="hello")
    options = parser.parse_args()
    handler = type("NamedHello", (Hello,), {"name": options.name})
    with ThreadingHTTPServer((options.host, options.port), handler) as server:
        server.daemon_threads = True
        print(f"http://{options.host}:{server.server_address[1]}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
