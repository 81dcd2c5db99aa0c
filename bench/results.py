"""The results file: kept after every measure, so that a run cut short loses one only."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import Measurement, encode_measurement, parse_measurement


class ResultsError(Exception):
    """A results file that cannot be read as one."""


@dataclass(slots=True)
class Results:
    machine: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    measurements: dict[str, Measurement] = field(default_factory=dict)


def parse_results(text: str) -> Results:
    data = json.loads(text)
    found = [parse_measurement(item) for item in data["measurements"]]
    return Results(data["machine"], data["versions"], {item.name: item for item in found})


def encode_results(results: Results) -> str:
    data = {
        "machine": results.machine,
        "versions": results.versions,
        "measurements": [encode_measurement(item) for item in results.measurements.values()],
    }
    return json.dumps(data, indent=1) + "\n"


def read_results(path: Path) -> Results:
    """Empty when there is no file yet."""
    try:
        return parse_results(path.read_text())
    except FileNotFoundError:
        return Results()
    except (ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{path} is not a results file of ours: {error}") from error


def write_text(path: Path, text: str) -> None:
    """Replaced in one step, never half-written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)
