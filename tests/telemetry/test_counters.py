"""Counters in shared memory, written and read by several processes."""

import os
import signal
from collections.abc import Callable

import pytest

from appliance.telemetry.counters import (
    CLIENT_CELLS,
    CONNECTIONS,
    HISTOGRAM,
    OTHERS,
    SITE_BACKEND_ERRORS,
    SITE_BYTES_IN,
    SITE_BYTES_OUT,
    SITE_SLOTS,
    STATUS_CLASS,
    UNROUTED,
    Counters,
)
from appliance.telemetry.histogram import BUCKETS


def in_child(action: Callable[[], None]) -> None:
    """Runs it in a process that is then killed."""
    pid = os.fork()
    if not pid:
        try:
            action()
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_answers_are_summed_over_workers_and_outlive_them() -> None:
    counters = Counters.create(2)

    def answer(index: int, status: int) -> Callable[[], None]:
        def action() -> None:
            worker = counters.worker(index)
            worker.reset_gauges()
            worker.answered(worker.site("a.test"), status, 10, 100, 1500)

        return action

    in_child(answer(0, 200))
    in_child(answer(0, 204))
    in_child(answer(1, 502))
    (cells,) = counters.sites().values()
    assert sum(cells[HISTOGRAM : HISTOGRAM + BUCKETS]) == 3
    assert cells[STATUS_CLASS : STATUS_CLASS + 6] == [0, 0, 2, 0, 0, 1]
    assert (cells[SITE_BYTES_IN], cells[SITE_BYTES_OUT]) == (30, 300)


def test_answers_that_belong_to_no_site_are_counted_too() -> None:
    counters = Counters.create(1)
    counters.worker(0).answered(None, 400, 0, 120, 50)
    assert counters.sites()[UNROUTED][STATUS_CLASS + 4] == 1


def test_a_respawned_worker_goes_on_in_the_same_slot() -> None:
    counters = Counters.create(1)

    def fail() -> None:
        worker = counters.worker(0)
        worker.reset_gauges()
        worker.backend_failed(worker.site("a.test"))

    in_child(fail)
    in_child(fail)
    assert list(counters.sites()) == ["a.test"]
    assert counters.sites()["a.test"][SITE_BACKEND_ERRORS] == 2


def test_connections_of_a_killed_worker_are_forgotten_by_the_next() -> None:
    counters = Counters.create(2)
    other = counters.worker(1)
    other.opened("192.0.2.1")

    def open_two() -> None:
        counters.worker(0).opened("192.0.2.1")
        assert counters.worker(0).opened("192.0.2.1") == (3, 3)

    in_child(open_two)
    assert counters.total(CONNECTIONS) == 3
    counters.worker(0).reset_gauges()
    assert other.opened("192.0.2.1") == (2, 2)


def test_closed_connections_are_no_longer_counted() -> None:
    worker = Counters.create(1).worker(0)
    assert worker.opened("192.0.2.1") == (1, 1)
    worker.closed("192.0.2.1")
    assert worker.opened("192.0.2.1") == (1, 1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
    ids=["one /64", "two /64", "link-local", "IPv4"],
)
def test_an_ipv6_client_is_its_64(one: str, other: str, same: bool) -> None:
    worker = Counters.create(1).worker(0)
    worker.opened(one)
    assert worker.opened(other) == (2, 2 if same else 1)


def test_clients_spread_over_the_cells() -> None:
    worker = Counters.create(1).worker(0)
    shared = sum(worker.opened(f"10.0.{n >> 8}.{n & 255}")[1] > 1 for n in range(2048))
    assert shared < 2048 * 2048 / CLIENT_CELLS * 2


def test_sites_past_the_last_slot_are_counted_together() -> None:
    worker = Counters.create(1).worker(0)
    slots = [worker.site(f"{number}.test") for number in range(SITE_SLOTS + 10)]
    for cells in slots[SITE_SLOTS - 1 :]:
        cells[STATUS_CLASS + 2] += 1
    sites = dict(worker.named_sites())
    assert len(sites) == SITE_SLOTS
    assert sites[OTHERS][STATUS_CLASS + 2] == 11
    worker.reset_gauges()
    worker.site("another.test")[STATUS_CLASS + 2] += 1
    assert sites[OTHERS][STATUS_CLASS + 2] == 12


def test_the_longest_name_comes_back_whole() -> None:
    worker = Counters.create(1).worker(0)
    name = ".".join(("a" * 62,) * 4)
    worker.site(name)
    assert [found for found, _ in worker.named_sites()] == [name]


def test_untouched_parts_cost_no_memory() -> None:
    """A box with 64 workers and no traffic: the map is 370 MB of address space only."""
    before = resident_bytes()
    Counters.create(64)
    assert resident_bytes() - before < 8 << 20


def resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
