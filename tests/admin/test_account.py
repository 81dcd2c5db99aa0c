"""The account: its claim, its password, sessions and tokens, and the file that keeps them."""

import asyncio
import json
import os
import stat
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from appliance.admin import account as accounts
from appliance.admin.account import MAX_SESSIONS, MAX_TOKENS, SESSION_S, Account
from appliance.admin.exchange import Refusal

PASSWORD = "correct horse"
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def make(folder: Path, now_s: float = 1000.0) -> Account:
    return Account(folder / "admin.json", lambda: now_s)


def claimed(folder: Path) -> Account:
    account = make(folder)
    assert account.code is not None
    run(account.claim(account.code, PASSWORD))
    return account


def test_the_code_sets_the_password_and_is_gone(tmp_path: Path) -> None:
    account = make(tmp_path)
    assert not account.is_claimed
    secret = run(account.claim(f" {str(account.code).lower()} ", PASSWORD))
    assert account.has_session(secret)
    assert account.is_claimed
    assert account.code is None
    with pytest.raises(Refusal, match="claimed already"):
        run(account.claim("", PASSWORD))


@pytest.mark.parametrize("code", ["", "AAA-AAA", "ÄÖÜ-ÄÖÜ"])
def test_another_code_does_nothing(tmp_path: Path, code: str) -> None:
    account = make(tmp_path)
    with pytest.raises(Refusal, match="not the code"):
        run(account.claim(code, PASSWORD))
    assert not account.is_claimed


def test_a_short_password_is_refused_and_the_code_stays_good(tmp_path: Path) -> None:
    account = make(tmp_path)
    code = str(account.code)
    with pytest.raises(Refusal, match="fewer than"):
        run(account.claim(code, "short"))
    run(account.claim(code, PASSWORD))


def test_each_box_has_a_code_of_its_own(tmp_path: Path) -> None:
    assert len({make(tmp_path).code for _ in range(20)}) == 20


def test_all_of_it_outlives_the_process(tmp_path: Path) -> None:
    account = claimed(tmp_path)
    secret = run(account.login(PASSWORD))
    token = account.add_token("prometheus")["token"]
    again = make(tmp_path)
    assert again.is_claimed
    assert again.has_session(secret)
    assert again.has_token(token)


def test_the_file_is_for_its_owner_and_holds_no_secret(tmp_path: Path) -> None:
    account = claimed(tmp_path)
    secret = run(account.login(PASSWORD))
    token = account.add_token("prometheus")["token"]
    path = tmp_path / "admin.json"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    text = path.read_text()
    assert not any(word in text for word in (secret, token, PASSWORD))


def test_a_wrong_password_opens_nothing(tmp_path: Path) -> None:
    account = claimed(tmp_path)
    with pytest.raises(Refusal, match="not the password"):
        run(account.login("wrong horse"))


def test_every_login_has_a_new_session(tmp_path: Path) -> None:
    account = claimed(tmp_path)
    assert run(account.login(PASSWORD)) != run(account.login(PASSWORD))


def test_a_session_ends_when_told_and_with_time(tmp_path: Path) -> None:
    now_s = 1000.0
    account = Account(tmp_path / "admin.json", lambda: now_s)
    secret = run(account.claim(str(account.code), PASSWORD))
    other = run(account.login(PASSWORD))
    account.end_session(secret)
    assert not account.has_session(secret)
    assert account.has_session(other)
    now_s += SESSION_S + 1
    assert not account.has_session(other)


def test_another_password_ends_every_session_but_the_new_one(tmp_path: Path) -> None:
    account = claimed(tmp_path)
    before = run(account.login(PASSWORD))
    with pytest.raises(Refusal, match="present password"):
        run(account.change_password("wrong horse", "another horse"))
    fresh = run(account.change_password(PASSWORD, "another horse"))
    assert not account.has_session(before)
    assert account.has_session(fresh)
    run(account.login("another horse"))


def test_sessions_and_tokens_are_bounded(tmp_path: Path) -> None:
    account = claimed(tmp_path)
    secrets = [account.open_session() for _ in range(MAX_SESSIONS + 1)]
    assert not account.has_session(secrets[0])
    assert account.has_session(secrets[-1])
    for number in range(MAX_TOKENS):
        account.add_token(f"t{number}")
    with pytest.raises(Refusal, match="there are"):
        account.add_token("one more")


def test_a_token_is_good_until_it_is_removed(tmp_path: Path) -> None:
    account = claimed(tmp_path)
    made = account.add_token("prometheus")
    assert account.has_token(made["token"])
    assert not account.has_token("gatelight_")
    assert [token["name"] for token in account.list_tokens()] == ["prometheus"]
    account.remove_token(made["id"])
    assert not account.has_token(made["token"])
    with pytest.raises(Refusal, match="no such token"):
        account.remove_token(made["id"])


@pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines"])
def test_a_token_has_a_name_that_can_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refusal, match="name"):
        claimed(tmp_path).add_token(name)


def test_a_reset_makes_it_anybodys_who_sees_the_screen(tmp_path: Path) -> None:
    account = claimed(tmp_path)
    secret = run(account.login(PASSWORD))
    code = account.reset()
    assert not account.has_session(secret)
    run(account.claim(code, "another horse"))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": 2}', '{"format": 1}', "[" * 100_000]
)
def test_a_spoilt_file_lets_nobody_in_and_says_so(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "admin.json").write_text(content)
    account = make(tmp_path)
    assert account.is_claimed
    assert account.code is None
    assert "gatelight admin reset" in capsys.readouterr().err
    with pytest.raises(Refusal, match="not the password"):
        run(account.login("spoilt"))


def test_what_cannot_be_kept_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = make(tmp_path)

    def fail(path: Path, content: bytes, mode: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(accounts, "replace_file", fail)
        with pytest.raises(Refusal, match="cannot be written"):
            run(account.claim(str(account.code), PASSWORD))
    assert not account.is_claimed
    run(account.claim(str(account.code), PASSWORD))
    assert json.loads((tmp_path / "admin.json").read_text())["password"].startswith("scrypt$")


def test_on_a_full_disk_one_can_log_in_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account = claimed(tmp_path)

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(accounts, "replace_file", fail)
    secret = run(account.login(PASSWORD))
    assert account.has_session(secret)
    assert "a session is not kept" in capsys.readouterr().err
    assert not make(tmp_path).has_session(secret), "it was never written down"
