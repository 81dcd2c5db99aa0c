import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.routing.balance import Balancer, Target, cookie_for, make_balancer
from appliance.routing.model import Balance, parse_backend

CLIENTS = [f"192.168.{n // 256}.{n % 256}" for n in range(1000)]
WEIGHTS = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def targets(*weights: int) -> list[Target]:
    return [
        Target(parse_backend(f"http://10.0.0.{n}"), weight)
        for n, weight in enumerate(weights, start=1)
    ]


def balancer(balance: Balance) -> Balancer:
    return make_balancer(balance, random.Random(1))


def first(chooser: Balancer, among: Sequence[Target], client: str = "") -> Target:
    chosen: Target = next(chooser.candidates(among, client))
    return chosen


@pytest.mark.parametrize("balance", Balance, ids=lambda balance: balance.value)
@given(weights=WEIGHTS, down=st.sets(st.integers(0, 5)), client=st.sampled_from(CLIENTS))
def test_every_living_target_is_offered_once(
    balance: Balance, weights: list[int], down: set[int], client: str
) -> None:
    among = targets(*weights)
    for index in down:
        if index < len(among):
            among[index].up = False
    offered = list(balancer(balance).candidates(among, client))
    assert len(offered) == len({id(target) for target in offered})
    assert {id(target) for target in offered} == {id(target) for target in among if target.up}


@given(WEIGHTS, st.integers(0, 3))
def test_round_robin_keeps_the_weights_exactly_over_a_cycle(
    weights: list[int], cycles: int
) -> None:
    among, chooser = targets(*weights), balancer(Balance.ROUND_ROBIN)
    chosen = Counter(id(first(chooser, among)) for _ in range(sum(weights) * cycles))
    for target, weight in zip(among, weights, strict=True):
        assert chosen[id(target)] == weight * cycles


def test_round_robin_does_not_send_a_run_to_the_heaviest() -> None:
    among, chooser = targets(5, 1, 1), balancer(Balance.ROUND_ROBIN)
    order = "".join("abc"[among.index(first(chooser, among))] for _ in range(7))
    assert order == "aabacaa"


@given(WEIGHTS.filter(lambda weights: len(weights) > 1), st.lists(st.integers(0, 5), max_size=40))
def test_round_robin_starves_nobody_however_targets_come_and_go(
    weights: list[int], flips: list[int]
) -> None:
    among, chooser = targets(*weights), balancer(Balance.ROUND_ROBIN)
    for flip in flips:
        target = among[flip % len(among)]
        target.up = not target.up
        next(chooser.candidates(among, ""), None)
    for target in among:
        target.up = True
    rounds = sum(weights) * (len(flips) + 2)
    assert {id(first(chooser, among)) for _ in range(rounds)} == {id(target) for target in among}


def test_least_connections_goes_by_requests_in_flight_for_the_weight() -> None:
    among = targets(1, 4, 1)
    among[0].active, among[1].active, among[2].active = 2, 4, 3
    offered = list(balancer(Balance.LEAST_CONNECTIONS).candidates(among, ""))
    assert offered == [among[1], among[0], among[2]]


def test_least_connections_shares_an_idle_site_evenly() -> None:
    among, chooser = targets(1, 1, 1), balancer(Balance.LEAST_CONNECTIONS)
    chosen = Counter(id(first(chooser, among)) for _ in range(9))
    assert set(chosen.values()) == {3}


def test_random_avoids_the_busiest_of_all() -> None:
    among, chooser = targets(1, 1, 1), balancer(Balance.RANDOM)
    among[1].active = 10
    assert among[1] not in [first(chooser, among) for _ in range(200)]


def test_random_follows_the_weights_when_all_are_idle() -> None:
    among, chooser = targets(3, 1), balancer(Balance.RANDOM)
    chosen = Counter(id(first(chooser, among)) for _ in range(4000))
    assert 0.72 < chosen[id(among[0])] / 4000 < 0.78


@given(WEIGHTS.filter(lambda weights: len(weights) > 1), st.data())
def test_source_ip_moves_only_the_clients_of_the_target_that_went(
    weights: list[int], data: st.DataObject
) -> None:
    among, chooser = targets(*weights), balancer(Balance.SOURCE_IP)
    gone = among[data.draw(st.integers(0, len(among) - 1))]
    clients = CLIENTS[:50]
    before = {client: first(chooser, among, client) for client in clients}
    gone.up = False
    for client in clients:
        after = first(chooser, among, client)
        assert after is before[client] or before[client] is gone


def test_source_ip_follows_the_weights() -> None:
    among, chooser = targets(3, 1), balancer(Balance.SOURCE_IP)
    chosen = Counter(id(first(chooser, among, client)) for client in CLIENTS)
    assert 0.7 < chosen[id(among[0])] / len(CLIENTS) < 0.8


def test_source_ip_does_not_hang_on_the_order_of_the_backends() -> None:
    among, chooser = targets(1, 1, 1), balancer(Balance.SOURCE_IP)
    for client in CLIENTS[:50]:
        turned = first(chooser, among[::-1], client)
        assert turned is first(chooser, among, client)


def test_a_cookie_names_its_backend_without_telling_the_address() -> None:
    one, other = parse_backend("http://10.0.0.1"), parse_backend("http://10.0.0.2")
    assert cookie_for(one) == cookie_for(parse_backend("http://10.0.0.1/", weight=5))
    assert cookie_for(one) != cookie_for(other)
    assert "10.0.0.1" not in cookie_for(one)
    assert cookie_for(one).isalnum()
