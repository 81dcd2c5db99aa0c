"""The load generators wrk and ab: how they are called and what their output says."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

LUA = Path(__file__).with_name("requests.lua")
MARGIN_S = 60.0  # past the time a load should take before it is ended


class LoadError(Exception):
    """A load that failed, or whose answers were not all good: its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Wrk:
    requests: int
    seconds: float
    faults: int  # socket errors and answers that are not 2xx or 3xx


@dataclass(frozen=True, slots=True)
class Ab:
    requests: int
    faults: int
    seconds: float
    mean_ms: float
    per_s: float


def find_number(pattern: str, text: str, default: float | None = None) -> float:
    """The first group of the pattern as a number."""
    match = re.search(pattern, text, re.MULTILINE)
    if match:
        return float(match[1])
    if default is None:
        raise LoadError(f"no {pattern!r} in the load generator's output: {text[-500:]!r}")
    return default


def parse_wrk(text: str) -> Wrk:
    """wrk's summary; its own unit of time is ms, s or m."""
    match = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m),", text)
    if not match:
        raise LoadError(f"no count in wrk's output: {text[-500:]!r}")
    seconds = float(match[2]) * {"ms": 1e-3, "s": 1.0, "m": 60.0}[match[3]]
    faults = int(find_number(r"Non-2xx or 3xx responses: (\d+)", text, 0))
    sockets = re.search(r"Socket errors: (.*)", text)
    if sockets:
        faults += sum(map(int, re.findall(r"\d+", sockets[1])))
    return Wrk(int(match[1]), seconds, faults)


def parse_ab(text: str) -> Ab:
    """ab's report. A length that differs is a failed request to ab, and one here."""
    faults = find_number(r"^Failed requests:\s+(\d+)", text)
    faults += find_number(r"^Non-2xx responses:\s+(\d+)", text, 0)
    return Ab(
        requests=int(find_number(r"^Complete requests:\s+(\d+)", text)),
        faults=int(faults),
        seconds=find_number(r"^Time taken for tests:\s+([\d.]+)", text),
        mean_ms=find_number(r"^Time per request:\s+([\d.]+) \[ms\] \(mean\)", text),
        per_s=find_number(r"^Requests per second:\s+([\d.]+)", text),
    )


def run_tool(command: list[str], limit_s: float) -> str:
    """Its standard output; LoadError when it fails or does not end."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        raise LoadError(f"{command[0]} did not end within {limit_s:.0f} s") from None
    if done.returncode:
        raise LoadError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def run_wrk(port: int, head: str, connections: int, seconds: float, scheme: str = "http") -> Wrk:
    """Keep-alive load with one of the heads of requests.lua; any bad answer is an error."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(LUA)]
    command += [f"{scheme}://127.0.0.1:{port}/", "--", head]
    result = parse_wrk(run_tool(command, seconds + MARGIN_S))
    if result.faults or not result.requests:
        raise LoadError(f"wrk: {result.faults} of {result.requests} requests went wrong")
    return result


def run_ab(port: int, requests: int, concurrency: int, path: str = "/") -> Ab:
    """A new connection per request (HTTP/1.0), as ab does unless told otherwise."""
    command = ["ab", "-q", "-r", f"-n{requests}", f"-c{concurrency}"]
    command.append(f"http://127.0.0.1:{port}{path}")
    # a thousand a second is far below anything measured here but the sleeping backends (80)
    result = parse_ab(run_tool(command, requests / 500 + 3 * MARGIN_S))
    if result.faults or result.requests != requests:
        raise LoadError(f"ab: {result.faults} of {requests} requests went wrong")
    return result
