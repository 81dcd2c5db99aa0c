"""What is asked of the build, and what is refused in one line before any work."""

from pathlib import Path

import pytest
from maker.options import MODELS, parse_options


def test_nothing_needs_to_be_said() -> None:
    options = parse_options([])
    assert options.kernel == "stable"
    assert set(options.models) == set(MODELS) - {"pi5"}
    assert options.is_compressed


def test_the_newer_kernel_knows_every_model() -> None:
    assert set(parse_options(["--kernel", "backports"]).models) == set(MODELS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "pi9"], "invalid choice: 'pi9'"),
        (["--kernel", "own"], "invalid choice: 'own'"),
        (["--model", "pi5"], "pi5 needs a newer kernel than Debian's stable one"),
        (["--size", "big"], '"big" is no size: write "4G"'),
        (["--size", "500M"], "500M is too small for a card"),
        (["--package", "a b"], '"a b" is no name of a Debian package'),
        (["--package", "-x"], "--package"),
        (["--ssh-key", "/no/such"], "the key /no/such cannot be read"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_options(arguments)
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert said.startswith("gatelight: ")
    assert said.count("\n") == 1
    assert words in said


def test_a_private_key_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "id"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    with pytest.raises(SystemExit):
        parse_options(["--ssh-key", str(key)])
    assert "is a private key" in capsys.readouterr().err
