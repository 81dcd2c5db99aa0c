"""The results file and the command line."""

from pathlib import Path

import pytest

from bench.__main__ import parse_arguments, plan_sizes
from bench.figures import Figure, Measurement
from bench.lab import QUICK, Sizes
from bench.results import (
    Results,
    ResultsError,
    encode_results,
    parse_results,
    read_results,
    write_text,
)


def test_results_survive_the_file(tmp_path: Path) -> None:
    figure = Figure("CPU", "us", 1, ("nginx",), {"nginx": [1.5]})
    results = Results({"machine": "a"}, {"nginx": "1"}, {"m": Measurement("m", "M", "", [figure])})
    path = tmp_path / "deep" / "bench.json"
    write_text(path, encode_results(results))
    assert read_results(path) == results
    assert parse_results(path.read_text()) == results
    assert [item.name for item in path.parent.iterdir()] == ["bench.json"]


def test_no_file_is_no_results(tmp_path: Path) -> None:
    assert read_results(tmp_path / "none.json") == Results()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"measurements": [{}]}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bench.json"
    path.write_text(text)
    with pytest.raises(ResultsError, match="not a results file"):
        read_results(path)


def test_sizes_given_win_over_quick_and_full() -> None:
    assert plan_sizes(parse_arguments([])) == Sizes()
    assert plan_sizes(parse_arguments(["--quick"])) == QUICK
    sizes = plan_sizes(parse_arguments(["--quick", "--ab-requests", "7", "--seconds", "0.5"]))
    assert (sizes.ab_requests, sizes.seconds, sizes.rounds) == (7, 0.5, QUICK.rounds)


@pytest.mark.parametrize(
    "arguments",
    [["--targets", "apache"], ["--only", "nothing"], ["--rounds", "0"], ["--rounds", "many"]],
    ids=["target", "measure", "zero", "no number"],
)
def test_a_wrong_choice_is_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_arguments(arguments)
    assert ended.value.code == 2
