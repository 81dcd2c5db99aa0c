"""scripts/bench: choose, measure, keep, write."""

import argparse
import dataclasses
import datetime
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from bench.figures import Measurement
from bench.lab import QUICK, Lab, Sizes
from bench.machine import read_machine, read_versions
from bench.measures import MEASURES
from bench.report import ReportError, render_measurement, render_report, replace_section
from bench.results import Results, ResultsError, encode_results, read_results, write_text
from bench.running import StartError, raise_file_limit
from bench.targets import PROXIES

RESULTS = Path("build/bench.json")
QUICK_RESULTS = Path("build/bench-quick.json")
SIZES = [field.name for field in dataclasses.fields(Sizes)]


def split_names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in PROXIES:
            raise argparse.ArgumentTypeError(f"{name} is not one of {', '.join(PROXIES)}")
    return names


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure Gatelight beside nginx, HAProxy and Caddy on this machine.",
    )
    parser.add_argument("--targets", type=split_names, default=list(PROXIES), metavar="A,B")
    parser.add_argument("--only", action="append", choices=list(MEASURES), help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="seconds only: to see that it works")
    parser.add_argument("--results", type=Path, help=f"JSON of every run (default: {RESULTS})")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="write the tables there")
    parser.add_argument("--tables-only", action="store_true", help="no run, only --write or print")
    for name in SIZES:
        kind = float if name.endswith("seconds") else int
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N")
    chosen = parser.parse_args(arguments)
    if any((value := getattr(chosen, name)) is not None and value <= 0 for name in SIZES):
        parser.error("sizes are above 0")
    return chosen


def plan_sizes(chosen: argparse.Namespace) -> Sizes:
    sizes = QUICK if chosen.quick else Sizes()
    given = {name: getattr(chosen, name) for name in SIZES if getattr(chosen, name) is not None}
    return dataclasses.replace(sizes, **given)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure_one(name: str, targets: Sequence[str], sizes: Sizes) -> Measurement:
    say(f"{name}:")
    with tempfile.TemporaryDirectory(prefix="gatelight-bench-") as folder:
        try:
            measurement = MEASURES[name](Lab(Path(folder), targets, sizes, say))
        except StartError as error:
            # a backend, not a target: nothing of this measure can be had
            measurement = Measurement(name, name, "", faults=[str(error)])
            say(f"  ! {error}")
    measurement.date = datetime.datetime.now(datetime.UTC).date().isoformat()
    return measurement


def measure_all(chosen: argparse.Namespace, results: Results, path: Path) -> None:
    results.machine = read_machine()
    results.versions |= read_versions(chosen.targets)
    for name in MEASURES:
        if chosen.only and name not in chosen.only:
            continue
        measurement = measure_one(name, chosen.targets, plan_sizes(chosen))
        results.measurements[name] = measurement
        ordered = [known for known in MEASURES if known in results.measurements]
        results.measurements = {known: results.measurements[known] for known in ordered}
        write_text(path, encode_results(results))
        print(render_measurement(measurement), end="\n\n", flush=True)


def write_report(results: Results, path: Path | None) -> None:
    section = render_report(results.machine, results.versions, list(results.measurements.values()))
    if path is None:
        print(section)
        return
    document = path.read_text() if path.exists() else ""
    write_text(path, replace_section(document, section))


def end_in_order(number: int, frame: FrameType | None) -> None:
    """SIGTERM unwinds like Ctrl-C, so that all that was started is ended."""
    raise KeyboardInterrupt


def main(arguments: Sequence[str]) -> int:
    chosen = parse_arguments(arguments)
    path = chosen.results or (QUICK_RESULTS if chosen.quick else RESULTS)
    signal.signal(signal.SIGTERM, end_in_order)
    raise_file_limit()
    try:
        results = read_results(path)
        if not chosen.tables_only:
            measure_all(chosen, results, path)
        if chosen.write or chosen.tables_only:
            write_report(results, chosen.write)
    except (ResultsError, ReportError, OSError) as error:
        say(f"bench: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 1 if any(item.faults for item in results.measurements.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
