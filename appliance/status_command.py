"""`gatelight status`: the status of the running box, for people or as JSON."""

import json
import sys
import time
from typing import Any

from appliance.admin_client import ask
from appliance.console import say

WATCH_S = 1.0
CLEAR = "\x1b[H\x1b[2J"


def fetch_status(path: str) -> dict[str, Any]:
    """The status JSON. Raises OSError or ValueError."""
    content = ask(path, "/v1/status")
    if not isinstance(content, dict):
        raise ValueError("the answer is not a status")
    return content


def run(path: str, as_json: bool, watch: bool) -> int:
    """Prints the status, with `watch` each second; the exit code."""
    while True:
        try:
            status = fetch_status(path)
        except (OSError, ValueError) as error:
            say(f"no status from {path} ({error}): is gatelight serving, and is this its socket?")
            if not watch:
                return 1
            time.sleep(WATCH_S)
            continue
        if watch and not as_json and sys.stdout.isatty():
            sys.stdout.write(CLEAR)
        print(json.dumps(status, indent=None if watch else 2) if as_json else describe(status))
        sys.stdout.flush()
        if not watch:
            return 0
        time.sleep(WATCH_S)


def describe(status: dict[str, Any]) -> str:
    """The status in lines for a person."""
    proxy, store = status["proxy"], status["store"]
    pids = ", ".join(f"{w['pid']} {w['state']}" for w in proxy["workers"])
    lines = [
        f"{status['box']['hostname']}  {proxy['state']}  {status['time']}",
        f"  workers      {pids}",
        f"  connections  {proxy['connections']}",
        f"  requests     {proxy['requests_total']}, {proxy['requests_per_s']} a second, "
        f"p50 {_ms(proxy['latency_ms']['p50'])}, p99 {_ms(proxy['latency_ms']['p99'])}",
        f"  errors       {proxy['errors_total']}",
        f"  sites from   {_describe_store(store)}",
    ]
    if status["claim"] is not None:
        lines.append(f"  dashboard    nobody has claimed it: the code is {status['claim']['code']}")
    if proxy["log_lines_lost"]:
        lines.append(f"  log          {proxy['log_lines_lost']} lines lost")
    hooks = proxy.get("hooks")
    if hooks is not None:
        mean = "-" if hooks["mean_us"] is None else f"{hooks['mean_us']:g} us"
        lines.append(f"  hooks        {hooks['state']}, {hooks['calls_total']} calls, {mean} each")
    for alert in status["alerts"]:
        seen = "  (seen)" if alert["acknowledged"] else ""
        lines.append(
            f"  {alert['severity'].upper():12} {alert['text']}, since {alert['since']}{seen}"
        )
    for site in status["sites"]:
        latency = site["latency_ms"]
        lines.append(
            f"{site['host']}  {site['requests_per_s']} a second, p99 {_ms(latency['p99'])}"
        )
        for backend in site["backends"]:
            why = f"  {backend['last_error']}" if backend["last_error"] else ""
            lines.append(f"  {backend['state']:8} {backend['url']}{why}")
    return "\n".join(lines)


def _describe_store(store: dict[str, Any]) -> str:
    text = str(store["kind"])
    if store.get("changes_by"):
        text += f", changes by {store['changes_by']}"
    if not store["ok"]:
        # Faulty entries come in several lines.
        error = store["error"].replace("\n", "\n" + " " * 15)
        text += f"  FAULTY: {error}, since {store['since']}"
    return text


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:g} ms"
