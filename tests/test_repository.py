"""What is in the repository fits together, and names no machine."""

import re
import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

from appliance import __version__
from appliance.cli import make_parser
from appliance.config import parse_settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = ["requirements.lock", "requirements-dev.lock"]
# Written in halves, so that this file is not its own finding.
MACHINE = re.compile(
    "(?<![\\w.])/("
    + "|".join(("root", "work", "Users", "home/(?!arpa)[a-z]+", "opt(?!/gatelight)"))
    + ")/"
)
REGISTRY = re.compile("|".join(("pypi" + r"\.org", "python" + "hosted", "file:" + "//")))


@cache
def tracked_files() -> tuple[Path, ...]:
    """What git knows; outside a clone, everything that is not hidden."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
        )
        names = listed.stdout.decode().rstrip("\0").split("\0")
        return tuple(path for path in (ROOT / name for name in names) if path.is_file())
    return tuple(
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.parts[1:])
    )


def findings(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in tracked_files():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        name = path.relative_to(ROOT)
        found += [f"{name}:{n}: {line}" for n, line in enumerate(lines, 1) if pattern.search(line)]
    return found


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    assert findings(MACHINE) == []


def test_no_file_names_a_package_registry() -> None:
    assert findings(REGISTRY) == []


def normal(requirement: str) -> str:
    """A distribution's name as locks write it."""
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    """Each locked distribution with the text of its entry."""
    entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)
    return {normal(entry): entry for entry in entries if re.match(r"[A-Za-z0-9]", entry)}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_its_version_and_hashes(lock: str) -> None:
    for name, entry in pins(lock).items():
        assert re.match(r"[\w.-]+==\S+ \\\n", entry), f"{lock}: {name} has no exact version"
        assert "--hash=sha256:" in entry, f"{lock}: {name} has no hash"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_no_options(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    assert [line for line in lines if line.startswith("-")] == []


def test_every_dependency_is_locked() -> None:
    assert {normal(text) for text in PROJECT["dependencies"]} <= pins(LOCKS[0]).keys()
    assert {normal(text) for text in PROJECT["optional-dependencies"]["dev"]} <= pins(
        LOCKS[1]
    ).keys()


def test_both_locks_agree() -> None:
    development = pins(LOCKS[1])
    for name, entry in pins(LOCKS[0]).items():
        assert development[name].split()[0] == entry.split()[0]


def test_the_decision_on_dependencies_names_the_locked_versions() -> None:
    page = (ROOT / "docs/decisions/0001-dependencies.md").read_text()
    locked = pins(LOCKS[0])
    rows = re.findall(r"^\| ([a-z0-9.-]+) \| ([0-9][\w.]*) \|", page, re.MULTILINE)
    assert {normal(name) for name, _ in rows} == {normal(text) for text in PROJECT["dependencies"]}
    for name, version in rows:
        assert locked[normal(name)].startswith(f"{normal(name)}=={version} ")


def test_the_version_is_the_same_everywhere() -> None:
    assert PROJECT["version"] == __version__
    assert f"\n## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


SHELL = re.findall(r"^ *```sh\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)
COMMANDS = [line.split("#")[0].strip() for block in SHELL for line in block.splitlines()]
SCRIPTS = [line for line in COMMANDS if line.startswith("./scripts/")]
GATELIGHT = [line for line in COMMANDS if line.startswith(".venv/bin/gatelight ")]


def test_the_readme_begins_with_its_two_commands() -> None:
    assert SCRIPTS[:2] == ["./scripts/demo", "./scripts/test"]


@pytest.mark.parametrize("command", SCRIPTS)
def test_a_script_of_the_readme_can_be_run(command: str) -> None:
    script = ROOT / command.split()[0]
    assert script.is_file()
    assert script.stat().st_mode & 0o100


@pytest.mark.parametrize("command", GATELIGHT)
def test_a_command_of_the_readme_is_understood(command: str) -> None:
    make_parser().parse_args(command.split()[1:])


def test_the_first_site_of_the_readme_is_good() -> None:
    (block,) = re.findall(r"^ *```toml\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)
    assert [site.host for site in parse_settings(block, "f").sites] == ["photos.home.arpa"]


def pages() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".md"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("name", ["demo", "test", "check"])
def test_a_script_begins_with_the_set_up(name: str) -> None:
    lines = (ROOT / "scripts" / name).read_text().splitlines()
    does = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert does[0].startswith("./scripts/setup")


def test_the_continuous_check_calls_the_readmes_test_command() -> None:
    assert "\n./scripts/test\n" in (ROOT / ".ci/run").read_text()
