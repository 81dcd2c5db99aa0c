"""`gatelight admin reset` where no box runs: the file alone."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from appliance.admin.account import ACCOUNT_FILE, Account
from appliance.cli import main


def make_config(folder: Path) -> Path:
    config = folder / "gatelight.toml"
    config.write_text(
        f'[listen]\nhttp = "127.0.0.1:0"\nadmin_socket = "{folder}/admin.sock"\n'
        f'[proxy]\nstate_dir = "{folder}"\n'
    )
    return config


def claimed(folder: Path) -> Account:
    account = Account(folder / ACCOUNT_FILE, time.time)
    asyncio.run(account.claim(str(account.code), "correct horse"))
    account.add_token("script")
    return account


def test_everything_that_lets_anybody_in_is_forgotten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    claimed(tmp_path)
    assert main(["admin", "reset", "--config", str(make_config(tmp_path)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"code": None}
    after = Account(tmp_path / ACCOUNT_FILE, time.time)
    assert not after.is_claimed
    assert after.code is not None
    assert after.list_tokens() == []


def test_people_are_told_where_the_code_will_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["admin", "reset", "--config", str(make_config(tmp_path))]) == 0
    assert "shows a code when it starts" in capsys.readouterr().out


def test_without_a_box_or_its_configuration_the_way_out_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["admin", "reset", "--socket", str(tmp_path / "none.sock")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("gatelight: no answer from ")
    assert "--config" in said
