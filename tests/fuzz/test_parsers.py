"""A short run of the fuzz target, with another seed each time; the seed is in the failure."""

import secrets

from tests.fuzz import parsers


def test_mutated_input_is_read_or_refused() -> None:
    seed = secrets.randbits(32)
    try:
        parsers.run(rounds=15_000, seed=seed)
    except Exception as error:
        raise AssertionError(f"python -m tests.fuzz.parsers 15000 {seed}: {error!r}") from error
