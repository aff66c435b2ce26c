"""A part is one worker's at a time, whatever clocks show and however long reading and writing take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.cluster import lease as lease_module
from scraper.cluster.lease import Lease, Watch, last_figures, write_fence
from scraper.cluster.orders import Fence, Figures
from scraper.cluster.places import BEAT, ShardPlace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUN = "run"
LEASE_S = 30.0


class _Clock:
    def __init__(self, offset_s: float = 0.0) -> None:
        self.now_s = 0.0
        self.offset_s = offset_s

    def __call__(self) -> float:
        return self.now_s + self.offset_s


@pytest.fixture
def place(tmp_path: Path) -> ShardPlace:
    place = ShardPlace(tmp_path, 3)
    place.folder.mkdir()
    write_fence(place, Fence(run=RUN, attempt=1))
    return place


def _pair(place: ShardPlace, *, offset_s: float = 0.0) -> tuple[_Clock, Lease, Watch]:
    clock = _Clock()
    other = _Clock(offset_s)

    def elsewhere() -> float:
        other.now_s = clock.now_s
        return other()

    lease = Lease(place, 1, run=RUN, lease_s=LEASE_S, clock=clock)
    return clock, lease, Watch(place, run=RUN, sent=1, lease_s=LEASE_S, clock=elsewhere)


def test_nothing_is_asked_before_the_first_sign(place: ShardPlace) -> None:
    _, lease, watch = _pair(place)
    assert not lease.may_ask()
    assert watch.is_free()
    lease.renew(Figures())
    watch.look()
    assert lease.may_ask()
    assert not watch.is_free()


def test_a_part_that_is_somebody_elses_is_not_renewed(place: ShardPlace) -> None:
    _, lease, _ = _pair(place)
    for fence in (Fence(run=RUN, attempt=2), Fence(run="another", attempt=1)):
        write_fence(place, fence)
        assert not lease.is_mine(lease.renew(Figures()))
        assert not lease.may_ask()


def test_a_released_part_is_free_at_once(place: ShardPlace) -> None:
    _, lease, watch = _pair(place)
    lease.renew(Figures())
    watch.look()
    lease.renew(Figures(), released=True)
    watch.look()
    assert watch.is_free()


def test_who_leaves_late_says_nothing_of_who_came_after(place: ShardPlace) -> None:
    clock, before, watch = _pair(place)
    before.renew(Figures())
    watch.look()
    write_fence(place, Fence(run=RUN, attempt=2))
    watch.begin(2)
    after = Lease(place, 2, run=RUN, lease_s=LEASE_S, clock=clock)
    after.renew(Figures())
    watch.look()
    assert watch.hears(2) is not None
    before.renew(Figures(), released=True)  # it was frozen, and wakes up
    watch.look()
    assert watch.hears(2) is None
    assert not watch.is_free()
    after.renew(Figures(), released=True)
    watch.look()
    assert watch.is_free()


def test_who_was_seen_to_end_is_not_waited_for(place: ShardPlace) -> None:
    _, lease, watch = _pair(place)
    lease.renew(Figures())
    watch.look()
    watch.bury()
    watch.look()
    assert watch.is_free()
    lease.renew(Figures())  # it was not it
    watch.look()
    assert not watch.is_free()


def test_a_storage_that_fails_lets_the_lease_run_out(
    place: ShardPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, lease, watch = _pair(place)
    lease.renew(Figures())
    watch.look()

    def fail(_place: ShardPlace, name: str, content: bytes) -> None:
        raise OSError(5, "Input/output error", name, None, str(content))

    monkeypatch.setattr(ShardPlace, "write", fail)
    seen = []
    for second in range(40):
        clock.now_s = float(second)
        with pytest.raises(OSError, match="Input/output"):
            lease.renew(Figures())
        watch.look()
        seen.append((lease.may_ask(), lease.is_over(), watch.is_free()))
    assert seen[14] == (True, False, False)
    assert seen[15] == (False, False, False)  # half of it: nothing new
    assert seen[24] == (False, True, False)  # then what is under way is given up
    assert seen[30] == (False, True, False)
    assert seen[31] == (False, True, True)


@given(
    steps=st.lists(
        st.tuples(
            st.floats(min_value=0, max_value=40),
            st.sampled_from(["renew", "renew slowly", "look", "lose"]),
        ),
        max_size=30,
    ),
    offset_s=st.floats(min_value=-1e6, max_value=1e6),
)
@example(steps=[(0.0, "renew slowly"), (11.0, "lose")], offset_s=5.0)
def test_whoever_watches_never_takes_a_part_that_may_still_ask(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[float, str]], offset_s: float
) -> None:
    place = ShardPlace(tmp_path_factory.mktemp("part"), 0)
    place.folder.mkdir()
    write_fence(place, Fence(run=RUN, attempt=1))
    clock, lease, watch = _pair(place, offset_s=offset_s)
    lease.renew(Figures())
    watch.look()
    lost = taken = False
    for wait_s, what in steps:
        clock.now_s += wait_s
        if what == "look":
            watch.look()
        elif what == "lose":
            write_fence(place, Fence(run=RUN, attempt=2))
            lost = True
        else:
            _renew(lease, clock, watch, slow_s=20.0 if what == "renew slowly" else 0.0)
        if lost:  # from now on it is waited for, and never looked away
            watch.look()
            taken = taken or watch.is_free()
        if taken:
            assert lease.is_over()
            assert not lease.may_ask()


def _renew(lease: Lease, clock: _Clock, watch: Watch, *, slow_s: float) -> None:
    """Renew while the sign is seen at once, and time goes on before the reading."""
    read: Callable[[ShardPlace], Fence] = lease_module.read_fence

    def slowly(place: ShardPlace) -> Fence:
        if slow_s:
            watch.look()
        clock.now_s += slow_s
        return read(place)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lease_module, "read_fence", slowly)
        lease.renew(Figures())


def test_the_last_sign_of_the_same_run_says_how_far_a_part_was(place: ShardPlace) -> None:
    assert last_figures(place, run=RUN) is None
    _, lease, _ = _pair(place)
    lease.renew(Figures(done=7))
    said = last_figures(place, run=RUN)
    assert said is not None
    assert said.done == 7
    assert last_figures(place, run="another") is None
    place.write(BEAT, b"{")
    assert last_figures(place, run=RUN) is None
