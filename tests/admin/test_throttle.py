"""How often a password may be guessed."""

from appliance.admin.throttle import A_CLIENT, IN_ALL, MAX_CLIENTS, WINDOW_S, Throttle


def test_a_client_waits_after_its_last_free_try() -> None:
    throttle = Throttle()
    for second in range(A_CLIENT):
        assert throttle.wait_s("192.0.2.1", second) == 0
        throttle.note("192.0.2.1", second)
    assert throttle.wait_s("192.0.2.1", A_CLIENT) == WINDOW_S - A_CLIENT
    assert throttle.wait_s("192.0.2.2", A_CLIENT) == 0
    assert throttle.wait_s("192.0.2.1", WINDOW_S + 0.1) == 0


def test_many_clients_together_wait_too() -> None:
    throttle = Throttle()
    for number in range(IN_ALL):
        assert throttle.wait_s(f"192.0.2.{number}", 0) == 0
        throttle.note(f"192.0.2.{number}", 0)
    assert throttle.wait_s("198.51.100.1", 1) > 0


def test_an_ipv6_network_counts_as_one_client() -> None:
    throttle = Throttle()
    for number in range(A_CLIENT):
        throttle.note(f"2001:db8::{number}", 0)
    assert throttle.wait_s("2001:db8::ffff:1", 1) > 0
    assert throttle.wait_s("2001:db8:0:1::1", 1) == 0


def test_a_right_try_forgets_the_slips_before_it() -> None:
    throttle = Throttle()
    for _ in range(A_CLIENT - 1):
        throttle.note("192.0.2.1", 0)
    throttle.note("192.0.2.1", 0)
    throttle.take_back("192.0.2.1")
    assert throttle.wait_s("192.0.2.1", 1) == 0


def test_a_clock_set_back_locks_nobody_out_for_long() -> None:
    throttle = Throttle()
    for _ in range(A_CLIENT):
        throttle.note("192.0.2.1", 1e9)
    assert throttle.wait_s("192.0.2.1", 0) == WINDOW_S


def test_what_is_remembered_is_bounded() -> None:
    throttle = Throttle()
    for number in range(MAX_CLIENTS + 50):
        throttle.note(f"10.0.{number // 250}.{number % 250}", number * WINDOW_S)
    assert len(throttle._tries) == MAX_CLIENTS
