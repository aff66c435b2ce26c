from __future__ import annotations

from scraper.dashboard.sessions import SESSION_S, Sessions, Tries

TOKEN = "0123456789abcdef"  # noqa: S105 nobody's


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_only_the_token_opens() -> None:
    sessions = Sessions(TOKEN)
    assert sessions.are_needed
    assert sessions.opens(TOKEN)
    for wrong in ("", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "\udcff"):
        assert not sessions.opens(wrong)
    assert not Sessions(None).are_needed
    assert not Sessions(None).opens("")


def test_a_session_ends_twelve_hours_after_its_last_use() -> None:
    clock = Clock()
    sessions = Sessions(TOKEN, clock=clock)
    name = sessions.begin()
    for _ in range(3):
        clock.now += SESSION_S
        assert sessions.hold(name)
    clock.now += SESSION_S + 1
    assert not sessions.hold(name)
    assert not sessions.hold(name)


def test_sessions_are_bounded_and_the_longest_unused_goes_first() -> None:
    sessions = Sessions(TOKEN)
    used, unused = sessions.begin(), sessions.begin()
    for _ in range(199):
        assert sessions.hold(used)
        sessions.begin()
    assert sessions.hold(used)
    assert not sessions.hold(unused)


def test_a_proof_is_of_its_session_and_of_this_process() -> None:
    sessions = Sessions(TOKEN)
    one, other = sessions.begin(), sessions.begin()
    assert sessions.prove(one, sessions.proof(one))
    assert not sessions.prove(other, sessions.proof(one))
    assert not Sessions(TOKEN).prove(one, sessions.proof(one))
    assert not sessions.prove(one, "\udcff")


def test_ten_wrong_tokens_a_minute() -> None:
    clock = Clock()
    tries = Tries(clock=clock)
    for _ in range(10):
        assert tries.wait_s("a") == 0
        tries.failed("a")
    assert tries.wait_s("a") == 6
    assert tries.wait_s("b") == 0
    clock.now += 6
    assert tries.wait_s("a") == 0
    tries.failed("a")
    assert tries.wait_s("a") > 0
    clock.now += 60
    for _ in range(9):
        tries.failed("a")
    assert tries.wait_s("a") == 0


def test_what_is_known_of_clients_is_bounded() -> None:
    tries = Tries()
    for number in range(5000):
        tries.failed(str(number))
    assert len(tries._failed) == 1000
