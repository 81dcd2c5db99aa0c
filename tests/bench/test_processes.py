"""The kernel's texts about processes."""

import os

import pytest

from bench.processes import (
    Memory,
    Stat,
    parse_smaps_rollup,
    parse_stat,
    plan_tree,
    read_cpu_s,
    read_memory,
    read_tree,
)

TAIL = "S 7 42 42 0 -1 4194304 100 0 0 0 11 22 3 4 20 0 1 0 100 1000 10 18446744073709551615"


@pytest.mark.parametrize(
    "name", ["nginx", "nginx: worker", "a) S 1 (b", ""], ids=["plain", "blank", "brackets", "none"]
)
def test_a_stat_is_read_whatever_the_name_holds(name: str) -> None:
    assert parse_stat(f"42 ({name}) {TAIL}") == Stat(pid=42, parent=7, ticks=11 + 22 + 3 + 4)


def test_memory_is_the_sum_of_both_sizes() -> None:
    text = (
        "00400000-7ffe ---p 00000000 00:00 0 [rollup]\nRss:  900 kB\nPss:   512 kB\nPss_Anon: 4 kB"
    )
    assert parse_smaps_rollup(text) == Memory(900, 512)
    assert Memory(1, 2) + Memory(3, 4) == Memory(4, 6)


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        pytest.param({}, [1], id="alone"),
        pytest.param({2: 1, 3: 2, 4: 1, 5: 9}, [1, 2, 4, 3], id="grandchildren, not strangers"),
    ],
)
def test_a_tree_is_the_root_and_all_below(parents: dict[int, int], expected: list[int]) -> None:
    assert plan_tree(1, parents) == expected


def test_this_process_has_used_time_and_memory() -> None:
    own = os.getpid()
    assert read_tree(own)[0].pid == own
    assert read_cpu_s(own) > 0
    memory = read_memory(own)
    assert 0 < memory.pss_kb <= memory.rss_kb


def test_a_process_that_is_gone_counts_nothing() -> None:
    assert read_tree(2**22 + 1) == []
    assert read_cpu_s(2**22 + 1) == 0
