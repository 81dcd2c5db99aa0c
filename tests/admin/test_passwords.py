"""Passwords as they are kept."""

import pytest

from appliance.admin.passwords import MAX_LENGTH, find_fault, hash_password, is_right


def test_the_right_password_is_right_and_no_other() -> None:
    kept = hash_password("correct horse")
    assert is_right("correct horse", kept)
    assert not is_right("correct Horse", kept)
    assert not is_right("", kept)


def test_the_same_password_is_never_kept_the_same() -> None:
    first, second = hash_password("correct horse"), hash_password("correct horse")
    assert first != second
    assert "horse" not in first


def test_a_password_outside_ascii_works() -> None:
    assert is_right("pässwörter \ud800", hash_password("pässwörter \ud800"))


@pytest.mark.parametrize(
    "kept",
    ["", "spoilt", "md5$1$1$1$YQ==$YQ==", "scrypt$x$8$1$YQ==$YQ==", "scrypt$3$8$1$YQ==$YQ==", "scrypt$2$8$1$%$%"],
)  # fmt: skip
def test_what_is_no_hash_lets_nobody_in(kept: str) -> None:
    assert not is_right("correct horse", kept)


@pytest.mark.parametrize(
    ("password", "words"),
    [("1234567", "fewer than 8"), ("x" * (MAX_LENGTH + 1), "more than"), ("12345678", None)],
)
def test_a_password_has_a_length(password: str, words: str | None) -> None:
    fault = find_fault(password)
    assert (fault is None) == (words is None)
    assert words is None or words in str(fault)
