"""Modules that call themselves PURE take values and give values: nothing of theirs reads or writes."""

import ast

import pytest

from tests.support.box import ROOT

FOLDER = ROOT / "display/hdmi"
# What touches files, processes, clocks, sockets or chance.
IMPURE = {
    "os",
    "pathlib",
    "io",
    "subprocess",
    "socket",
    "time",
    "datetime",
    "random",
    "fcntl",
    "sys",
}
IMPURE_HERE = {
    "files",
    "history",
    "probe",
    "box",
    "machine",
    "trial_run",
    "work",
    "client",
    "service",
}


def pure() -> list[str]:
    return [path.stem for path in sorted(FOLDER.glob("*.py")) if "(PURE)" in path.read_text()[:400]]


def test_the_modules_the_page_names_are_pure() -> None:
    page = (ROOT / "docs/hdmi.md").read_text().partition("## As a library")[2]
    named = set(page.partition("\n## ")[0].split("`")[1::2]) - {"display/hdmi/"}
    assert named
    assert named <= set(pure())


@pytest.mark.parametrize("name", pure())
def test_a_pure_module_imports_nothing_that_reads_or_writes(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    impure = IMPURE | {f"display.hdmi.{module}" for module in IMPURE_HERE}
    assert imported & impure == set()
