"""docs/redis-schema.md: every example is run against a real server."""

import asyncio
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.store_url import parse_store_url
from appliance.stores.redis_shelf import RedisShelf
from tests.support.redis import RedisServer

PAGE = (Path(__file__).parent.parent / "docs" / "redis-schema.md").read_text()
EXAMPLE = re.compile(
    r"^```redis\n(.*?)^```\n\n```toml\n(.*?)^```\n(?:\n```text\n(.*?)^```)?",
    re.DOTALL | re.MULTILINE,
)
EXAMPLES = [pytest.param(*found, id=found[0].split()[1]) for found in EXAMPLE.findall(PAGE)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("docs")) as started:
        yield started


@pytest.mark.parametrize(("commands", "toml", "faults"), EXAMPLES)
def test_the_commands_make_the_site(
    server: RedisServer, commands: str, toml: str, faults: str
) -> None:
    server.ask("FLUSHALL")
    for line in commands.splitlines():
        server.ask(*shlex.split(line))
    said: list[str] = []
    found = asyncio.run(RedisShelf(parse_store_url(server.url), said.append).read())
    wanted = {table.pop("host"): table for table in tomllib.loads(toml)["site"]}
    assert found == wanted
    assert said == [f"{line}: left out" for line in faults.splitlines()]


def test_no_example_is_left_out() -> None:
    assert len(EXAMPLES) == PAGE.count("```redis") >= 9
