"""Faults of entries: said once, kept for the status."""

from appliance.stores.fault_book import NAMED, FaultBook


def test_a_fault_is_said_once_until_it_is_mended() -> None:
    said: list[str] = []
    book = FaultBook(said.append)
    fault = ("frontend:a", "is not a\nlist")
    for faults in ([fault], [fault], [], [fault]):
        book.note("a", faults)
        assert book.summary() == ("frontend:a: is not a\\nlist" if faults else None)
    assert said == ["frontend:a: is not a\\nlist: left out until it is mended"] * 2


def test_the_status_names_some_and_counts_the_rest() -> None:
    book = FaultBook(lambda text: None)
    for number in range(4 * NAMED):
        book.note(str(number), [(f"key {number}", "x"), (f"key {number}", "y")])
    lines = (book.summary() or "").splitlines()
    assert len(lines) == NAMED + 1
    assert lines[0] == "key 0: x"
    assert lines[-1] == f"and {7 * NAMED} more"
