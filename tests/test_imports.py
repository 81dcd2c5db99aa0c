"""Imports point one way: see the rooms in docs/architecture.md."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Each room's level; a module may import its own room and rooms of lower levels only.
LEVELS = {
    "wire": 0,
    "routing": 0,
    "quantities": 0,
    "toml_lines": 0,
    "toml_write": 0,
    "atomic_file": 0,
    "toml_edit": 1,
    "console": 0,
    "clock": 0,
    "systemd": 1,
    "store_url": 1,
    "config": 1,
    "config_sites": 1,
    "config_display": 1,
    "config_box": 1,
    "names": 1,
    "listening": 1,
    "proxy": 2,
    "stores": 2,
    "upstream": 2,
    "telemetry": 2,
    "tls": 2,
    "health": 2,
    "admin": 2,
    "board": 0,
    "feed": 2,
    "hooks": 1,
    "feed_client": 3,
    "hook_runner": 3,
    "hooks_keeper": 3,
    "doors": 3,
    "roster": 3,
    "certificates": 3,
    "wellness": 3,
    "reporter": 3,
    "box_watch": 3,
    "mdns": 3,
    "sites_desk": 3,
    "rehearsal": 3,
    "backup": 3,
    "screen_relay": 3,
    "hdmi_relay": 3,
    "administration": 4,
    "context": 3,
    "child": 3,
    "worker": 4,
    "control": 5,
    "supervisor": 4,
    "forward": 4,
    "status_command": 4,
    "cert_command": 4,
    "admin_client": 1,
    "demo": 4,
    "admin_command": 5,
    "sites_command": 5,
    "box": 5,
    "cli": 6,
    "__main__": 7,
}
DISPLAY_LEVELS = {
    "console": 0,
    "status": 0,
    "outputs": 0,
    "hdmi": 0,
    "render": 1,
    "pages": 2,
    "settings": 3,
    "scenarios": 3,
    "controls": 4,
    "finding": 4,
    "preview": 4,
    "navigator": 5,
    "frame_server": 5,
    "screen": 6,
    "commands": 6,
    "app": 7,
    "cli": 8,
}
# Third-party packages live in one room each.
HOMES = {
    "uvloop": {"appliance/worker.py", "appliance/control.py", "appliance/forward.py"},
    "redis": {"appliance/stores/redis.py"},
    "luma": {"display/outputs"},
    "gpiozero": {"display/controls", "display/outputs"},
    "segno": {"appliance/admin", "display/pages", "display/render"},
    "cryptography": {"appliance/tls"},
    "h11": {"appliance/admin"},
    "jinja2": {"appliance/admin"},
    "zeroconf": {"appliance/mdns.py"},
}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            if node.module == "appliance":
                names |= {f"appliance.{alias.name}" for alias in node.names}
    return names


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize(
    "path", modules("appliance") + modules("display"), ids=lambda p: str(p.relative_to(ROOT))
)
def test_a_module_imports_only_its_own_room_and_lower_ones(path: Path) -> None:
    package, own = (part.removesuffix(".py") for part in path.relative_to(ROOT).parts[:2])
    if own == "__init__":
        return
    levels = LEVELS if package == "appliance" else DISPLAY_LEVELS
    assert own in levels, f"{own} has no level: add it to the table above"
    for name in imported(path):
        other = room(name)
        if not name.startswith(f"{package}.") or other in ("", own, "__version__"):
            continue
        siblings = levels[other] == levels[own] and (package, levels[own]) != ("appliance", 1)
        assert levels[other] <= levels[own], f"{path.name} imports upwards: {name}"
        assert not siblings, f"{path.name} imports its sibling {name}"


@pytest.mark.parametrize(
    "path", modules("appliance") + modules("display"), ids=lambda p: str(p.relative_to(ROOT))
)
def test_no_import_is_relative(path: Path) -> None:
    """They would slip past the tests below."""
    nodes = ast.walk(ast.parse(path.read_text()))
    assert not [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize(
    "path", modules("appliance") + modules("display"), ids=lambda p: str(p.relative_to(ROOT))
)
def test_the_two_halves_and_third_parties_keep_their_rooms(path: Path) -> None:
    relative = str(path.relative_to(ROOT))
    for name in imported(path):
        top = name.split(".")[0]
        other_half = "display" if relative.startswith("appliance/") else "appliance"
        assert top != other_half, f"{relative} imports {name}"
        homes = HOMES.get(top)
        if homes is not None:
            assert any(relative.startswith(home) for home in homes), f"{relative} imports {name}"


@pytest.mark.parametrize("room_name", ["wire", "routing"])
def test_the_pure_rooms_import_only_the_standard_library(room_name: str) -> None:
    for path in modules(f"appliance/{room_name}"):
        for name in imported(path):
            top = name.split(".")[0]
            known = top in sys.stdlib_module_names or name.startswith(f"appliance.{room_name}")
            assert known, f"{path.name} imports {name}"
