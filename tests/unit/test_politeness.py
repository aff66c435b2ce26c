from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from scraper.host_limits import Limits, limits_for
from scraper.messages import Impression, Sign
from scraper.politeness import HostTurn, Unlimited, shrinking_s
from scraper.settings.model import HostLimits, PolitenessSettings

ANSWERS = [Sign.GOOD, Sign.ERROR, Sign.OVERLOADED]


def turn_of(**values: Any) -> HostTurn:
    """Return a turn with few rules in force, so that a test sees the one it is about."""
    return HostTurn(PolitenessSettings(**({"per_host": 2, "delay_s": 0.0, "circuit_failures": 0} | values)))


def is_free(turn: HostTurn) -> bool:
    """Ask afresh: a type checker takes the property for unchanging."""
    return turn.is_free


def is_given_up(turn: HostTurn) -> bool:
    return turn.is_given_up


def send(turn: HostTurn, now_s: float = 0.0) -> None:
    turn.release()
    turn.depart(now_s)


def ask(
    turn: HostTurn,
    sign: Sign,
    *,
    now_s: float | None = None,
    latency_s: float | None = None,
    asked_wait_s: float | None = None,
) -> float:
    """Ask the host as soon as it may be asked, and return when that was; the answer comes at once."""
    assert is_free(turn)
    now_s = max(0.0, turn.not_before_s) if now_s is None else now_s
    send(turn, now_s)
    come_back(turn, sign, now_s=now_s, latency_s=latency_s, asked_wait_s=asked_wait_s)
    return now_s


def come_back(
    turn: HostTurn,
    sign: Sign,
    *,
    now_s: float,
    latency_s: float | None = None,
    asked_wait_s: float | None = None,
) -> None:
    turn.come_back(Impression(sign, latency_s, asked_wait_s), now_s=now_s)


class TestOwnLimits:
    def test_a_new_host_may_be_asked_at_once(self) -> None:
        turn = turn_of(delay_s=5.0)
        assert is_free(turn)
        assert turn.not_before_s < 0
        assert turn.under_way == 0
        assert turn.delay_s == 5.0
        assert not is_given_up(turn)

    def test_without_a_delay_the_slots_are_the_limit(self) -> None:
        turn = turn_of(per_host=2)
        turn.release()
        assert is_free(turn)
        turn.release()
        assert not is_free(turn)
        turn.depart(1.0)
        assert not is_free(turn)
        come_back(turn, Sign.GOOD, now_s=1.0)
        assert is_free(turn)

    def test_with_a_delay_the_next_waits_for_the_departure_and_then_for_the_delay(self) -> None:
        turn = turn_of(per_host=2, delay_s=5.0)
        turn.release()
        assert not is_free(turn), "released, and not on its way yet"
        turn.depart(10.0)
        assert is_free(turn)
        assert turn.not_before_s == 15.0
        come_back(turn, Sign.GOOD, now_s=10.1)
        assert turn.not_before_s == 15.0, "an answer that comes soon does not shorten the delay"

    def test_a_departure_never_brings_the_next_turn_forward(self) -> None:
        turn = turn_of(delay_s=5.0)
        turn.hold_until(100.0)
        send(turn, 10.0)
        turn.hold_until(50.0)
        assert turn.not_before_s == 100.0

    def test_a_request_given_back_without_departing_leaves_the_host_free(self) -> None:
        turn = turn_of(per_host=2, delay_s=5.0)
        turn.release()
        come_back(turn, Sign.UNKNOWN, now_s=1.0)
        assert is_free(turn)

    def test_a_crawl_delay_counts_from_the_last_departure_and_only_lengthens(self) -> None:
        turn = turn_of(delay_s=2.0)
        send(turn, 10.0)
        turn.keep_crawl_delay(30.0)
        assert turn.delay_s == 30.0
        assert turn.not_before_s == 40.0
        turn.keep_crawl_delay(0.5)
        assert turn.delay_s == 2.0

    def test_lines_that_ask_nobody_have_no_limits(self) -> None:
        turn = Unlimited()
        for now_s in range(10_000):
            assert is_free(turn)
            turn.release()
            turn.depart(float(now_s))
            if now_s % 2:
                come_back(turn, Sign.UNKNOWN, now_s=now_s, asked_wait_s=9.0)
            assert turn.not_before_s <= now_s
        assert turn.under_way == 5_000


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "host", "matches"),
        [
            ("example.com", "example.com", True),
            ("Example.COM", "example.com", True),
            ("example.com", "Example.COM", True),
            ("example.com", "www.example.com", False),
            ("example.com", "example.community", False),
            ("example.com", "exampleXcom", False),
            ("example.com", "example.com:8080", True),
            ("example.com:8080", "example.com:8080", True),
            ("example.com:8080", "example.com", False),
            ("example.com:8080", "example.com:80", False),
            ("example.com:*", "example.com:80", True),
            ("example.com:*", "example.com", False),
            ("*.example.com", "www.example.com", True),
            ("*.example.com", "a.b.example.com:81", True),
            ("*.example.com", "example.com", True),
            ("*.example.com", "example.com:8080", True),
            ("*.example.com", "badexample.com", False),
            ("*.example.com:81", "example.com:81", True),
            ("*.example.com:81", "example.com", False),
            ("*example.com", "badexample.com", True),
            ("*", "example.com", True),
            ("*", "[::1]:8100", True),
            ("127.0.0.*", "127.0.0.5:8100", True),
            ("127.0.0.*", "127.0.1.5", False),
            ("[::1]", "[::1]", True),
            ("[::1]", "[::1]:8100", True),
            ("[::1]", ":", False),
            ("ex?mple.com", "example.com", False),
            ("a*b*c", "aXXbYYc", True),
            ("a*b*c", "abc", True),
            ("a*b*c", "acb", False),
            ("a*bc*bc", "abcbc", True),
            ("a*bc*bc", "abc", False),
            ("*.bücher.example", "www.xn--bcher-kva.example", True),
            ("no host ü", "example.com", False),
            ("*.", "example.com", False),
            ("", "example.com", False),
        ],
    )
    def test_a_pattern_matches(self, *, pattern: str, host: str, matches: bool) -> None:
        given = PolitenessSettings(hosts={pattern: HostLimits(per_host=7)})
        assert (limits_for(host, given).per_host == 7) is matches

    @pytest.mark.parametrize(
        ("host", "expected"),
        [
            ("other.net", Limits(2, 0.5)),
            ("www.example.com", Limits(3, 0.5)),
            ("example.com", Limits(4, 0.0)),
            ("shop.example.com", Limits(2, 9.0)),
            ("shop.example.com:81", Limits(5, 0.5)),
            ("x.org", Limits(6, 0.5)),
        ],
    )
    def test_the_longest_that_matches_counts_and_leaves_the_rest_as_for_all(
        self, host: str, expected: Limits
    ) -> None:
        given = PolitenessSettings(
            per_host=2,
            delay_s=0.5,
            hosts={
                "*.example.com": HostLimits(per_host=3),
                "example.com": HostLimits(per_host=4, delay_s=0.0),
                "shop.example.com": HostLimits(delay_s=9.0),
                "shop.example.com:81": HostLimits(per_host=5),
                "x.*rg": HostLimits(per_host=8),
                "*.org": HostLimits(per_host=9),
                "x.org": HostLimits(per_host=6),
            },
        )
        assert limits_for(host, given) == expected
        turn = HostTurn(given, host=host)
        assert turn.delay_s == expected.delay_s

    def test_two_settings_with_the_same_patterns_keep_their_own_values(self) -> None:
        for per_host in (1, 2):
            given = PolitenessSettings(hosts={"a.example": HostLimits(per_host=per_host)})
            assert limits_for("a.example", given).per_host == per_host

    @given(
        st.lists(st.text(alphabet="ab.*", max_size=8), min_size=1, max_size=4),
        st.text(alphabet="ab.", min_size=1, max_size=10),
    )
    def test_it_is_the_glob_that_one_would_write_naively(self, patterns: list[str], host: str) -> None:
        def matches(pattern: str, text: str) -> bool:
            if not pattern:
                return not text
            if pattern[0] == "*":
                return any(matches(pattern[1:], text[n:]) for n in range(len(text) + 1))
            return bool(text) and pattern[0] == text[0] and matches(pattern[1:], text[1:])

        lengths = [
            len(pattern)
            for whole in patterns
            for pattern in ([whole, whole[2:]] if whole[:2] == "*." and whole != "*." else [whole])
            if matches(pattern, host)
        ]
        given = PolitenessSettings(
            delay_s=-1.0, hosts={pattern: HostLimits(delay_s=len(pattern)) for pattern in patterns}
        )
        found = limits_for(host, given).delay_s
        assert (found >= 0) is bool(lengths)
        if lengths:  # an implied apex is two shorter than the pattern that implies it
            assert found in {max(lengths), max(lengths) + 2}

    def test_many_stars_are_no_work(self) -> None:
        hostile = PolitenessSettings(hosts={"a*" * 30 + "b": HostLimits(per_host=7)})
        assert limits_for("a" * 250, hostile).per_host == 2


class TestAskedWait:
    @pytest.mark.parametrize("sign", list(Sign))
    def test_the_host_is_held_not_only_the_url(self, sign: Sign) -> None:
        turn = turn_of(adaptive=False)
        ask(turn, sign, now_s=10.0, asked_wait_s=30.0)
        assert turn.not_before_s == 40.0

    def test_a_shorter_wish_does_not_shorten_a_longer_one(self) -> None:
        turn = turn_of(adaptive=False)
        send(turn)
        send(turn)
        come_back(turn, Sign.OVERLOADED, now_s=1.0, asked_wait_s=100.0)
        come_back(turn, Sign.OVERLOADED, now_s=2.0, asked_wait_s=5.0)
        assert turn.not_before_s == 101.0

    def test_a_wish_above_the_cap_opens_the_circuit_and_one_probe_goes_after_the_cap(self) -> None:
        turn = turn_of(circuit_failures=9, adaptive=False, retry_after_cap_s=120.0)
        ask(turn, Sign.OVERLOADED, now_s=10.0, asked_wait_s=7200.0)
        assert turn.not_before_s == 130.0
        turn.release()
        assert not is_free(turn), "one probe at a time"
        turn.depart(130.0)
        come_back(turn, Sign.GOOD, now_s=131.0)
        turn.release()
        assert is_free(turn), "closed again"

    def test_a_wish_at_the_cap_is_only_waited_for(self) -> None:
        turn = turn_of(circuit_failures=9, adaptive=False, retry_after_cap_s=120.0)
        ask(turn, Sign.OVERLOADED, now_s=0.0, asked_wait_s=120.0)
        turn.release()
        assert is_free(turn)

    @pytest.mark.parametrize(
        ("sign", "gives_up"), [(Sign.OVERLOADED, True), (Sign.ERROR, True), (Sign.GOOD, False)]
    )
    def test_a_host_that_sends_us_away_each_time_is_given_up_unless_it_serves(
        self, *, sign: Sign, gives_up: bool
    ) -> None:
        turn = turn_of(circuit_failures=9, adaptive=False, circuit_probes=3, retry_after_cap_s=120.0)
        for n in range(4):
            assert not is_given_up(turn)
            assert ask(turn, sign, asked_wait_s=7200.0) == 120.0 * n
        assert is_given_up(turn) is gives_up

    def test_a_cap_of_zero_heeds_no_wish_and_opens_nothing(self) -> None:
        turn = turn_of(circuit_failures=9, adaptive=False, retry_after_cap_s=0.0)
        ask(turn, Sign.OVERLOADED, now_s=5.0, asked_wait_s=7200.0)
        assert turn.not_before_s <= 5.0
        turn.release()
        assert is_free(turn)

    def test_without_a_circuit_a_wish_above_the_cap_is_waited_for_up_to_it(self) -> None:
        turn = turn_of(circuit_failures=0, adaptive=False, retry_after_cap_s=120.0)
        ask(turn, Sign.OVERLOADED, now_s=5.0, asked_wait_s=float("inf"))
        assert turn.not_before_s == 125.0
        turn.release()
        assert is_free(turn)


class TestOverload:
    @pytest.mark.parametrize(
        ("own_s", "delays_s"),
        [
            (0.0, [1, 2, 4, 8, 16, 32, 60, 60]),
            (0.5, [1, 2, 4, 8, 16, 32, 60, 60]),
            (5.0, [10, 20, 40, 60, 60]),
            (90.0, [90, 90]),
        ],
    )
    def test_each_refusal_doubles_the_delay_up_to_the_most(self, own_s: float, delays_s: list[float]) -> None:
        turn = turn_of(delay_s=own_s, max_delay_s=60.0)
        for n, expected_s in enumerate(delays_s):
            at_s = ask(turn, Sign.OVERLOADED, now_s=100.0 * (n + 1), latency_s=0.1)
            assert turn.delay_s == expected_s
            assert turn.not_before_s == at_s + expected_s, "a rest first"

    def test_the_rest_counts_from_the_refusal_not_from_the_departure(self) -> None:
        turn = turn_of()
        send(turn, 10.0)
        come_back(turn, Sign.OVERLOADED, now_s=25.0, latency_s=15.0)
        assert turn.not_before_s == 26.0

    def test_it_begins_from_the_crawl_delay(self) -> None:
        turn = turn_of()
        turn.keep_crawl_delay(7.0)
        ask(turn, Sign.OVERLOADED)
        assert turn.delay_s == 14.0

    def test_the_slots_are_halved_and_one_is_left(self) -> None:
        turn = turn_of(per_host=5)
        for slots in (2, 1, 1):
            ask(turn, Sign.OVERLOADED)
            assert count_slots(turn) == slots

    def test_not_adaptive_changes_nothing(self) -> None:
        turn = turn_of(adaptive=False, per_host=4)
        for _ in range(9):
            ask(turn, Sign.OVERLOADED, now_s=1.0)
        assert turn.delay_s == 0.0
        assert turn.not_before_s <= 1.0
        assert count_slots(turn) == 4

    def test_a_burst_of_refusals_is_one(self) -> None:
        turn = turn_of(per_host=8)
        for _ in range(7):
            send(turn, 0.0)
        turn.release()  # waits for a worker still
        for _ in range(7):
            come_back(turn, Sign.OVERLOADED, now_s=0.5, latency_s=0.5)
        turn.depart(0.6)
        come_back(turn, Sign.OVERLOADED, now_s=0.7, latency_s=0.1)
        assert turn.delay_s == 1.0, "released at the former pace, all of them"
        assert count_slots(turn) == 4
        ask(turn, Sign.OVERLOADED, now_s=2.0, latency_s=0.1)
        assert turn.delay_s == 2.0

    def test_a_line_that_is_refused_again_says_no_more_of_its_host(self) -> None:
        turn = turn_of(per_host=4)
        ask(turn, Sign.OVERLOADED, latency_s=0.1)
        for _ in range(3):
            at_s = max(0.0, turn.not_before_s)
            send(turn, at_s)
            turn.come_back(Impression(Sign.OVERLOADED, 0.1, 9.0, is_repeated=True), now_s=at_s)
            assert (turn.delay_s, count_slots(turn)) == (1.0, 2)
            assert turn.not_before_s == at_s + 9.0, "what it asks for is heeded all the same"
        ask(turn, Sign.OVERLOADED, latency_s=0.1)
        assert (turn.delay_s, count_slots(turn)) == (2.0, 1), "another line is news"

    def test_a_refusal_that_was_overtaken_is_known_by_its_latency(self) -> None:
        turn = turn_of(per_host=4, delay_s=0.0)
        for _ in range(3):
            send(turn, 0.0)
        come_back(turn, Sign.OVERLOADED, now_s=0.5, latency_s=0.5)
        come_back(turn, Sign.OVERLOADED, now_s=0.5, latency_s=0.5)
        ask(turn, Sign.GOOD, now_s=2.0, latency_s=0.1)  # overtakes the third, and is counted as it
        come_back(turn, Sign.OVERLOADED, now_s=3.0, latency_s=3.0)
        assert turn.delay_s == 1.0

    def test_good_answers_give_back_the_delay_by_parts_and_then_the_slots(self) -> None:
        turn = turn_of(per_host=4)
        for _ in range(3):
            ask(turn, Sign.OVERLOADED)
        seen = [(turn.delay_s, count_slots(turn))]
        for _ in range(60):
            ask(turn, Sign.GOOD, latency_s=0.02)
            seen.append((turn.delay_s, count_slots(turn)))
        delays, slots = zip(*seen, strict=True)
        assert delays[0] == 4.0
        assert list(delays) == sorted(delays, reverse=True)
        assert max(a - b for a, b in pairwise(delays)) <= 0.4 + 1e-9, "step by step"
        assert delays[7] > 1.0, "not at once"
        assert delays[-1] == 0.0, "over, and not ever smaller"
        assert slots[0] == 1
        assert [slots.index(n) for n in (2, 3, 4)] == [8, 16, 24]
        assert max(slots) == 4

    @pytest.mark.parametrize("sign", [Sign.ERROR, Sign.UNKNOWN, Sign.SILENT])
    def test_nothing_but_a_good_answer_speeds_up(self, sign: Sign) -> None:
        turn = turn_of(per_host=4)
        ask(turn, Sign.OVERLOADED)
        for _ in range(50):
            ask(turn, sign, latency_s=0.001)
        assert turn.delay_s == 1.0
        assert count_slots(turn) == 2

    def test_good_answers_from_before_the_refusal_do_not_speed_up(self) -> None:
        turn = turn_of(per_host=4)
        for _ in range(4):
            send(turn, 0.0)
        come_back(turn, Sign.OVERLOADED, now_s=0.5, latency_s=0.5)
        for _ in range(3):
            come_back(turn, Sign.GOOD, now_s=0.6, latency_s=0.6)
        assert turn.delay_s == 1.0


def count_slots(turn: HostTurn) -> int:
    """Return how many may be under way, by trying; leaves the turn as it was."""
    turn_slots = 0
    while is_free(turn) or turn._departing:
        if turn._departing:
            turn._departing -= 1  # as if it had departed, without its delay
        else:
            turn.release()
            turn_slots += 1
    turn.under_way -= turn_slots
    return turn_slots


class TestLeastTime:
    def test_it_is_what_good_answers_make_of_the_delay(self) -> None:
        turn = turn_of(delay_s=0.25)
        for _ in range(4):
            ask(turn, Sign.OVERLOADED)
        told_s = turn.least_s(100)
        taken_s = 0.0
        for _ in range(100):
            taken_s += turn.delay_s
            ask(turn, Sign.GOOD, latency_s=0.02)
        assert told_s == pytest.approx(taken_s, rel=0.02)
        assert turn.least_s(100) == 100 * 0.25

    @pytest.mark.parametrize(("requests", "least_s"), [(0, 0.0), (1, 8.0), (2, 8.0 + 7.2)])
    def test_few_requests_do_not_reach_the_delay_of_before(self, requests: int, least_s: float) -> None:
        assert shrinking_s(requests, 8.0, rest_s=0.0) == pytest.approx(least_s)

    def test_a_host_that_is_slow_goes_on_at_what_its_answers_take(self) -> None:
        turn = turn_of()
        for latency_s in [0.1] * 20 + [4.0] * 40:
            ask(turn, Sign.GOOD, latency_s=latency_s)
        assert turn.least_s(1000) >= 1000 * 0.9 * turn.delay_s > 1000


class TestSlowness:
    def learnt(self, latency_s: float, **values: Any) -> HostTurn:
        turn = turn_of(**values)
        for _ in range(40):
            ask(turn, Sign.GOOD, latency_s=latency_s)
        assert turn.delay_s == values.get("delay_s", 0.0)
        return turn

    def test_a_host_that_slows_down_is_asked_less_about_by_what_it_takes_longer(self) -> None:
        turn = self.learnt(0.2)
        delays = []
        for _ in range(30):
            ask(turn, Sign.GOOD, latency_s=1.2)
            delays.append(turn.delay_s)
        assert delays[0] == 0.0, "one says nothing"
        assert delays[5] > 0.1
        assert 0.5 < max(delays) < 1.0
        for _ in range(60):
            ask(turn, Sign.GOOD, latency_s=0.2)
        assert turn.delay_s == 0.0, "it recovered"

    def test_a_delay_that_grows_holds_for_the_next_departure_already(self) -> None:
        turn = self.learnt(0.2)
        for _ in range(10):
            departed_s = ask(turn, Sign.GOOD, latency_s=1.2)
        assert turn.delay_s > 0.1
        assert turn.not_before_s == departed_s + turn.delay_s

    def test_ten_times_next_to_nothing_is_still_fast(self) -> None:
        turn = self.learnt(0.005)
        for _ in range(20):
            ask(turn, Sign.GOOD, latency_s=0.05)
            assert turn.delay_s == 0.0

    def test_slots_are_given_back_at_normal_speed_only(self) -> None:
        turn = self.learnt(0.2, per_host=4)
        for _ in range(4):
            ask(turn, Sign.OVERLOADED)
        for _ in range(60):
            ask(turn, Sign.GOOD, latency_s=3.0)
        assert count_slots(turn) == 1

    def test_it_is_never_asked_less_than_the_most(self) -> None:
        turn = self.learnt(0.2, max_delay_s=0.3)
        for _ in range(50):
            ask(turn, Sign.GOOD, latency_s=30.0)
        assert 0.25 < turn.delay_s <= 0.3

    def test_one_page_that_takes_long_changes_nothing(self) -> None:
        turn = self.learnt(0.2)
        ask(turn, Sign.GOOD, latency_s=50.0)
        for _ in range(20):
            ask(turn, Sign.GOOD, latency_s=0.2)
            assert turn.delay_s == 0.0

    def test_a_host_that_stays_slow_becomes_its_own_normal(self) -> None:
        turn = self.learnt(0.2)
        for _ in range(100):
            ask(turn, Sign.GOOD, latency_s=1.2)
        assert turn.delay_s > 0.1, "not soon: it may be our doing"
        for _ in range(300):
            ask(turn, Sign.GOOD, latency_s=1.2)
        assert turn.delay_s == 0.0

    def test_the_latency_of_errors_is_not_taken_for_the_normal_pace(self) -> None:
        turn = self.learnt(0.5)
        for sign in (Sign.ERROR, Sign.UNKNOWN, Sign.SILENT):
            for _ in range(100):
                ask(turn, sign, latency_s=0.001)
        for _ in range(20):
            ask(turn, Sign.GOOD, latency_s=0.5)
            assert turn.delay_s == 0.0, "0.5 s is what it always took"

    @given(st.floats(0.0, 30.0), st.floats(0.0, 0.5))
    def test_a_host_that_is_always_slow_is_not_punished(self, latency_s: float, wobble: float) -> None:
        turn = turn_of()
        for n in range(100):
            ask(turn, Sign.GOOD, latency_s=latency_s * (1 + wobble * (n % 2)))
        assert turn.delay_s == 0.0

    @given(st.lists(st.floats(0.005, 0.05), max_size=200))
    def test_a_fast_host_may_be_as_noisy_as_it_likes(self, latencies_s: list[float]) -> None:
        turn = turn_of()
        for latency_s in latencies_s:
            ask(turn, Sign.GOOD, latency_s=latency_s)
            assert turn.delay_s == 0.0

    @pytest.mark.parametrize("median_s", [0.05, 0.3, 2.0])
    def test_the_latencies_of_real_hosts_do_not_count_as_slowing_down(self, median_s: float) -> None:
        noise = random.Random(7)  # noqa: S311 - noise that is the same each time
        turn = turn_of()
        total_s = 0.0
        for _ in range(2000):
            ask(turn, Sign.GOOD, latency_s=median_s * noise.lognormvariate(0.0, 0.6))
            total_s += turn.delay_s
        assert total_s / 2000 < 0.02 * median_s

    def test_a_slow_answer_does_not_give_back_a_delay_of_a_refusal_below_what_it_needs(self) -> None:
        turn = self.learnt(0.2)
        for _ in range(4):
            ask(turn, Sign.OVERLOADED)
        for _ in range(100):
            ask(turn, Sign.GOOD, latency_s=2.2)
        assert turn.delay_s == pytest.approx(1.4, abs=0.4)


class TestCircuit:
    def opened(self, *, under_way: int = 0, **values: Any) -> HostTurn:
        """Return a turn whose circuit opened at 10.0 with that many requests still under way."""
        turn = turn_of(**({"per_host": 4, "circuit_failures": 3, "circuit_pause_s": 5.0} | values))
        for _ in range(under_way):
            send(turn, 0.0)
        for _ in range(3):
            ask(turn, Sign.SILENT, now_s=10.0)
        return turn

    def test_silence_in_a_row_opens_it_and_one_probe_goes_after_the_pause(self) -> None:
        turn = self.opened()
        assert turn.not_before_s == 15.0
        assert is_free(turn)
        turn.release()
        turn.depart(15.0)
        assert not is_free(turn)

    @pytest.mark.parametrize("answer", ANSWERS)
    def test_any_answer_between_resets_the_row(self, answer: Sign) -> None:
        turn = turn_of(circuit_failures=3, adaptive=False)
        for sign in (Sign.SILENT, Sign.SILENT, answer, Sign.SILENT, Sign.SILENT):
            ask(turn, sign, now_s=1.0)
        turn.release()
        assert is_free(turn)
        assert turn.not_before_s == 1.0

    def test_what_is_unknown_neither_counts_nor_resets(self) -> None:
        turn = turn_of(circuit_failures=3)
        for sign in (Sign.SILENT, Sign.UNKNOWN, Sign.SILENT, Sign.UNKNOWN, Sign.SILENT):
            assert count_slots(turn) == 2
            ask(turn, sign, now_s=1.0)
        assert count_slots(turn) == 1

    def test_zero_failures_never_opens_it(self) -> None:
        turn = turn_of(circuit_failures=0)
        for _ in range(100):
            ask(turn, Sign.SILENT, now_s=1.0)
        assert count_slots(turn) == 2
        assert not is_given_up(turn)

    def test_each_probe_in_vain_doubles_the_pause_and_then_the_host_is_given_up(self) -> None:
        turn = self.opened(circuit_probes=3)
        times = []
        while not is_given_up(turn):
            times.append(ask(turn, Sign.SILENT))
        assert times == [15.0, 25.0, 45.0]
        assert not is_free(turn)

    @pytest.mark.parametrize("answer", ANSWERS)
    def test_a_probe_that_is_answered_closes_it_and_the_count_begins_anew(self, answer: Sign) -> None:
        turn = self.opened(adaptive=False)
        ask(turn, Sign.SILENT)
        ask(turn, answer)
        assert count_slots(turn) == 4
        now_s = turn.not_before_s
        for _ in range(3):
            assert count_slots(turn) == 4
            ask(turn, Sign.SILENT)
        assert count_slots(turn) == 1
        assert turn.not_before_s == now_s + 5.0, "the first pause again"
        ask(turn, Sign.SILENT)
        assert turn.not_before_s == now_s + 15.0, "and the second"

    def test_a_probe_that_tells_nothing_is_repeated(self) -> None:
        turn = self.opened(circuit_probes=1)
        for _ in range(5):
            ask(turn, Sign.UNKNOWN, now_s=20.0)
            assert count_slots(turn) == 1
            assert turn.not_before_s == 20.0
        ask(turn, Sign.SILENT)
        assert is_given_up(turn)

    @pytest.mark.parametrize("asked_wait_s", [None, 7200.0])
    def test_failures_of_what_was_under_way_count_once(self, asked_wait_s: float | None) -> None:
        turn = self.opened(under_way=3, circuit_probes=1, retry_after_cap_s=4.0)
        for _ in range(3):
            assert not is_free(turn), "the probe is alone"
            come_back(turn, Sign.SILENT, now_s=11.0, asked_wait_s=asked_wait_s)
        assert is_free(turn)
        assert not is_given_up(turn)
        assert turn.not_before_s == 15.0

    @pytest.mark.parametrize("answer", ANSWERS)
    def test_an_answer_to_what_was_under_way_closes_it(self, answer: Sign) -> None:
        turn = self.opened(under_way=2, adaptive=False)
        come_back(turn, answer, now_s=11.0)
        turn.release()
        assert is_free(turn)

    @pytest.mark.parametrize("answer", ANSWERS)
    def test_a_host_that_is_given_up_and_answers_after_all_is_taken_back(self, answer: Sign) -> None:
        turn = self.opened(circuit_probes=1, adaptive=False)
        ask(turn, Sign.SILENT)
        assert is_given_up(turn)
        send(turn, 20.0)
        come_back(turn, answer, now_s=21.0)
        assert not is_given_up(turn)
        assert count_slots(turn) == 4

    @pytest.mark.parametrize(("pause_s", "longest_s"), [(5.0, 3600.0), (9000.0, 9000.0), (0.0, 0.0)])
    def test_no_pause_grows_without_end(self, pause_s: float, longest_s: float) -> None:
        turn = self.opened(circuit_probes=2000, circuit_pause_s=pause_s)
        before_s = turn.not_before_s
        for _ in range(1999):
            before_s = ask(turn, Sign.SILENT)
        assert turn.not_before_s - before_s == longest_s
        assert not is_given_up(turn)


@dataclass
class Sent:
    """A request of the machine's."""

    departed_before: int
    """How many had departed when it was released; at one instant the time does not tell."""
    departed_s: float | None = None


durations = st.one_of(st.just(0.0), st.floats(0, 1), st.floats(0, 200))


class Politeness(RuleBasedStateMachine):
    """A frontier that obeys its turn, against a host that does what it likes."""

    @initialize(
        per_host=st.integers(1, 4),
        delay_s=st.sampled_from([0.0, 0.5, 5.0]),
        adaptive=st.booleans(),
        max_delay_s=st.sampled_from([0.0, 2.0, 60.0]),
        cap_s=st.sampled_from([0.0, 1.0, 120.0]),
        failures=st.integers(0, 3),
        probes=st.integers(1, 3),
        pause_s=st.sampled_from([0.0, 5.0]),
    )
    def begin(
        self,
        *,
        per_host: int,
        delay_s: float,
        adaptive: bool,
        max_delay_s: float,
        cap_s: float,
        failures: int,
        probes: int,
        pause_s: float,
    ) -> None:
        self.settings = PolitenessSettings(
            per_host=per_host,
            delay_s=delay_s,
            adaptive=adaptive,
            max_delay_s=max_delay_s,
            retry_after_cap_s=cap_s,
            circuit_failures=failures,
            circuit_probes=probes,
            circuit_pause_s=pause_s,
        )
        self.turn = HostTurn(self.settings)
        self.now_s = 1000.0
        self.crawl_delay_s = 0.0
        self.held_s = 0.0
        """No release before this, by all that was asked for so far."""
        self.under_way: list[Sent] = []
        self.departures: list[tuple[float, float]] = []
        """When, and the delay in force then."""

    @rule(passes_s=durations)
    def wait(self, passes_s: float) -> None:
        self.now_s += passes_s

    @precondition(lambda self: self.turn.is_free)
    @rule()
    def wait_for_the_turn(self) -> None:
        self.now_s = max(self.now_s, self.turn.not_before_s)

    @precondition(lambda self: self.turn.is_free and self.turn.not_before_s <= self.now_s)
    @rule()
    def release(self) -> None:
        assert self.now_s >= self.held_s
        self.turn.release()
        self.under_way.append(Sent(len(self.departures)))

    @precondition(lambda self: any(sent.departed_s is None for sent in self.under_way))
    @rule(data=st.data())
    def depart(self, data: st.DataObject) -> None:
        sent = data.draw(st.sampled_from([sent for sent in self.under_way if sent.departed_s is None]))
        sent.departed_s = self.now_s
        for departed_s, delay_s in self.departures[: sent.departed_before]:
            assert self.now_s - departed_s >= delay_s - 1e-6
        # What was released together, while there was no delay, can't be called back.
        assert sent.departed_before == len(self.departures) or self.settings.delay_s == 0
        self.departures.append((self.now_s, self.turn.delay_s))
        self.turn.depart(self.now_s)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), sign=st.sampled_from(Sign), asked_wait_s=st.none() | st.floats(0, 300))
    def come_back(self, data: st.DataObject, sign: Sign, asked_wait_s: float | None) -> None:
        sent = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        latency_s = None
        if sent.departed_s is None:  # given back
            sign, asked_wait_s = Sign.UNKNOWN, None
        elif sign in ANSWERS:
            latency_s = data.draw(st.floats(0, self.now_s - sent.departed_s))
        was_s = self.turn.delay_s
        self.turn.come_back(Impression(sign, latency_s, asked_wait_s), now_s=self.now_s)
        self.held_s = max(self.held_s, self.now_s + min(asked_wait_s or 0.0, self.settings.retry_after_cap_s))
        if sign is not Sign.GOOD:
            assert self.turn.delay_s >= was_s, "only good answers speed up"

    @rule(wait_s=st.floats(0, 50))
    def hold(self, wait_s: float) -> None:
        self.held_s = max(self.held_s, self.now_s + wait_s)
        self.turn.hold_until(self.now_s + wait_s)

    @rule(delay_s=st.sampled_from([0.0, 2.0, 60.0]))
    def read_robots(self, delay_s: float) -> None:
        self.crawl_delay_s = max(self.crawl_delay_s, delay_s)
        self.turn.keep_crawl_delay(self.crawl_delay_s)

    @invariant()
    def the_limits_hold(self) -> None:
        assert self.turn.under_way == len(self.under_way) <= self.settings.per_host

    @invariant()
    def the_delay_is_bounded(self) -> None:
        least_s = max(self.settings.delay_s, self.crawl_delay_s)
        assert least_s <= self.turn.delay_s <= max(least_s, self.settings.max_delay_s)

    @invariant()
    def it_never_locks_up(self) -> None:
        if not self.under_way:
            assert self.turn.is_free or self.turn.is_given_up
            assert self.settings.circuit_failures or not self.turn.is_given_up
        longest_pause_s = self.settings.circuit_pause_s * 2**self.settings.circuit_probes
        bound_s = max(self.settings.retry_after_cap_s, self.turn.delay_s, 60.0, longest_pause_s)
        assert self.turn.not_before_s <= self.now_s + bound_s


TestPoliteness = Politeness.TestCase
TestPoliteness.settings = settings(stateful_step_count=40)


class TestDoubt:
    def test_a_host_is_doubtful_from_a_silence_until_an_answer(self) -> None:
        turn = HostTurn(PolitenessSettings(delay_s=0.0))
        assert not turn.is_doubtful
        for sign, expected in [
            (Sign.GOOD, False),
            (Sign.SILENT, True),
            (Sign.UNKNOWN, True),
            (Sign.ERROR, False),
            (Sign.UNKNOWN, False),
            (Sign.SILENT, True),
            (Sign.OVERLOADED, False),
        ]:
            ask(turn, sign)
            assert turn.is_doubtful is expected, sign

    def test_so_it_is_when_its_answer_came_to_no_end(self) -> None:
        turn = HostTurn(PolitenessSettings(delay_s=0.0))
        send(turn)
        turn.come_back(Impression(Sign.UNKNOWN, is_late=True), now_s=0.0)
        assert turn.is_doubtful


class TestOnTheWay:
    """A request has come to its host some time between its departure and its answer's first byte."""

    @pytest.mark.parametrize(
        ("latency_s", "later_s"),
        [(0.0, 0.0), (0.0078125, 0.0078125), (0.03125, 0.02), (0.375, 0.02), (None, 0.0)],
    )
    def test_the_delay_counts_from_the_latest_that_it_can_have_come(
        self, latency_s: float | None, later_s: float
    ) -> None:
        turn = HostTurn(PolitenessSettings(per_host=1, delay_s=0.5))
        turn.release()
        turn.depart(100.0)
        turn.come_back(Impression(Sign.GOOD, latency_s), now_s=100.0 + (latency_s or 0.0))
        assert turn.not_before_s == pytest.approx(100.5 + later_s)

    def test_while_another_is_under_way_nothing_is_known_of_the_last(self) -> None:
        turn = HostTurn(PolitenessSettings(per_host=2, delay_s=0.5))
        for at_s in (100.0, 101.0):
            turn.release()
            turn.depart(at_s)
        turn.come_back(Impression(Sign.GOOD, 0.25), now_s=101.125)
        assert turn.not_before_s == 101.5
