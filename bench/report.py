"""The tables of docs/performance.md. Pure: measurements in, Markdown out."""

from collections.abc import Sequence

from bench.figures import Figure, Measurement

BEGIN = "<!-- bench: begin (written by scripts/bench --write) -->"
END = "<!-- bench: end -->"
TITLE = "# Performance\n"


class ReportError(Exception):
    """A document whose markers do not fit together."""


def cell(figure: Figure, target: str) -> str:
    """The median, with the range where there were several runs."""
    values = figure.runs.get(target)
    median = figure.median(target)
    if not values or median is None:
        return "-"
    text = f"{median:.{figure.decimals}f}"
    if len(values) > 1:
        text += f" ({min(values):.{figure.decimals}f}-{max(values):.{figure.decimals}f})"
    return text


def ratio_cell(figure: Figure, target: str, baseline: str) -> str:
    ratio = figure.ratio(target, baseline)
    return "-" if ratio is None else f"{ratio:.2f}"


def row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def render_wide(measurement: Measurement) -> list[str]:
    """A row a target, a column a figure, and a column for each ratio after its figure."""
    heads = [""]
    for figure in measurement.figures:
        heads.append(f"{figure.label}, {figure.unit}" if figure.unit else figure.label)
        heads += [f"/ {baseline}" for baseline in figure.baselines]
    lines = [row(heads), row(["---"] + ["---:"] * (len(heads) - 1))]
    for target in measurement.targets():
        cells = [target]
        for figure in measurement.figures:
            cells.append(cell(figure, target))
            cells += [ratio_cell(figure, target, baseline) for baseline in figure.baselines]
        lines.append(row(cells))
    return lines


def render_long(measurement: Measurement, target: str) -> list[str]:
    """One target with many figures: a row a figure."""
    lines = [row(["", target]), row(["---", "---:"])]
    return lines + [row([figure.label, cell(figure, target)]) for figure in measurement.figures]


def render_measurement(measurement: Measurement) -> str:
    targets = measurement.targets()
    parts = [f"### {measurement.title}", f"{measurement.note} Measured {measurement.date}."]
    if len(targets) == 1:
        parts.append("\n".join(render_long(measurement, targets[0])))
    elif targets:
        parts.append("\n".join(render_wide(measurement)))
    if measurement.faults:
        parts.append("\n".join(f"- Not measured: {fault}" for fault in measurement.faults))
    return "\n\n".join(parts)


def render_report(
    machine: dict[str, str], versions: dict[str, str], measurements: Sequence[Measurement]
) -> str:
    """The section between the markers."""
    facts = [f"- {name}: {value}" for name, value in (machine | versions).items()]
    intro = (
        "Medians of alternated runs on one machine, with the range in brackets; loopback, one "
        "worker each, the same backend, access log on, forwarded fields set. Compare ratios, never "
        "absolutes with those of another machine."
    )
    parts = [intro, "\n".join(facts), *map(render_measurement, measurements)]
    return "\n\n".join(parts)


def replace_section(document: str, section: str) -> str:
    """The document with the section between its markers; appended where there are none."""
    block = f"{BEGIN}\n\n{section}\n\n{END}"
    if BEGIN not in document and END not in document:
        return f"{(document or TITLE).rstrip()}\n\n{block}\n"
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ReportError(f"its markers are not a pair: {BEGIN} ... {END}")
    return before + block + after
