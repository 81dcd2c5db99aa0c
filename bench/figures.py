"""What a run has measured: figures by target, their medians and ratios. Pure."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BASELINE = "nginx"


@dataclass(slots=True)
class Figure:
    """One column of a table: the values of every run, by target."""

    label: str
    unit: str
    decimals: int = 1
    baselines: tuple[str, ...] = ()  # a ratio column for each of these
    runs: dict[str, list[float]] = field(default_factory=dict)

    def add(self, target: str, value: float) -> None:
        self.runs.setdefault(target, []).append(value)

    def median(self, target: str) -> float | None:
        values = self.runs.get(target)
        return statistics.median(values) if values else None

    def ratio(self, target: str, baseline: str) -> float | None:
        above, below = self.median(target), self.median(baseline)
        return above / below if above is not None and below else None


@dataclass(slots=True)
class Measurement:
    """The figures of one measure, with what went wrong on the way."""

    name: str
    title: str
    note: str
    figures: list[Figure] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    date: str = ""

    def targets(self) -> list[str]:
        """Every target that has a value, in the order first seen."""
        return list(dict.fromkeys(name for figure in self.figures for name in figure.runs))


def encode_measurement(measurement: Measurement) -> dict[str, Any]:
    """The JSON form: every run, and the medians for whoever reads it without us."""
    return {
        "name": measurement.name,
        "title": measurement.title,
        "note": measurement.note,
        "date": measurement.date,
        "faults": measurement.faults,
        "figures": [
            {
                "label": figure.label,
                "unit": figure.unit,
                "decimals": figure.decimals,
                "baselines": list(figure.baselines),
                "runs": figure.runs,
                "medians": {name: figure.median(name) for name in figure.runs},
            }
            for figure in measurement.figures
        ],
    }


def parse_measurement(data: Mapping[str, Any]) -> Measurement:
    """The inverse of encode_measurement; medians are worked out anew."""
    return Measurement(
        name=data["name"],
        title=data["title"],
        note=data["note"],
        date=data["date"],
        faults=list(data["faults"]),
        figures=[
            Figure(
                label=item["label"],
                unit=item["unit"],
                decimals=item["decimals"],
                baselines=tuple(item["baselines"]),
                runs={name: list(values) for name, values in item["runs"].items()},
            )
            for item in data["figures"]
        ],
    )
