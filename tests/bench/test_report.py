"""Tables in Markdown, and their place in a document."""

import pytest

from bench.figures import Figure, Measurement
from bench.report import BEGIN, END, ReportError, render_measurement, render_report, replace_section


@pytest.fixture
def measurement() -> Measurement:
    cpu = Figure("CPU", "us", 1, ("nginx",), {"nginx": [10.0], "gatelight": [11.0, 12.0, 15.0]})
    rate = Figure("rate", "1/s", 0, (), {"nginx": [29157.9]})
    return Measurement("m", "Requests", "How.", [cpu, rate], ["caddy: gone"], "2024-06-11")


def test_a_row_a_target_with_ratio_and_range(measurement: Measurement) -> None:
    assert render_measurement(measurement).splitlines() == [
        "### Requests",
        "",
        "How. Measured 2024-06-11.",
        "",
        "|  | CPU, us | / nginx | rate, 1/s |",
        "| --- | ---: | ---: | ---: |",
        "| nginx | 10.0 | 1.00 | 29158 |",
        "| gatelight | 12.0 (11.0-15.0) | 1.20 | - |",
        "",
        "- Not measured: caddy: gone",
    ]


def test_a_single_target_has_a_row_a_figure() -> None:
    figures = [
        Figure(label, "", 0, (), {"gatelight": [value]})
        for label, value in {"kills": 5.0, "refused": 0.0}.items()
    ]
    text = render_measurement(Measurement("kill", "Kill", "How.", figures))
    assert text.endswith("|  | gatelight |\n| --- | ---: |\n| kills | 5 |\n| refused | 0 |")


def test_a_measure_with_nothing_says_why() -> None:
    text = render_measurement(Measurement("m", "M", "How.", faults=["nginx is not installed"]))
    assert "|" not in text
    assert "nginx is not installed" in text


def test_the_report_names_machine_and_versions(measurement: Measurement) -> None:
    report = render_report({"machine": "a Pi"}, {"nginx": "1.22.1"}, [measurement])
    assert "- machine: a Pi\n- nginx: 1.22.1" in report
    assert "### Requests" in report


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param("", f"# Performance\n\n{BEGIN}\n\nnew\n\n{END}\n", id="no document"),
        pytest.param("# P\n\ntext\n", f"# P\n\ntext\n\n{BEGIN}\n\nnew\n\n{END}\n", id="no markers"),
        pytest.param(
            f"a\n{BEGIN}\nold\n{END}\nb\n", f"a\n{BEGIN}\n\nnew\n\n{END}\nb\n", id="replaced"
        ),
    ],
)
def test_only_the_section_changes(document: str, expected: str) -> None:
    assert replace_section(document, "new") == expected
    assert replace_section(expected, "new") == expected


@pytest.mark.parametrize("document", [BEGIN, END, END + BEGIN], ids=["begin", "end", "turned"])
def test_markers_that_are_no_pair_are_refused(document: str) -> None:
    with pytest.raises(ReportError, match="not a pair"):
        replace_section(document, "new")
