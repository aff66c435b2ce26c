from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scraper.frontier import seen as seen_module
from scraper.frontier.seen import SeenKeys
from scraper.frontier.statements import TABLES
from scraper.urls import key_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = [key_digest(f"http://a.example/{number}") for number in range(60)]
# Some that share a bit of the filter with others, and differ in their last byte alone.
KEYS += [key[:-1] + bytes([key[-1] ^ 1]) for key in KEYS[:20]]


@contextlib.contextmanager
def database() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for statement in TABLES.split(";"):
            db.execute(statement)
        yield db
    finally:
        db.close()


def in_tree(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM seen").fetchone()[0])


class AgainstADict(RuleBasedStateMachine):
    """Whatever is merged, read again or rolled back, it knows what a dict knows."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(seen_module, "_MOST_FRESH", 12)
        self.db = self.stack.enter_context(database())
        self.model: dict[bytes, int] = {}
        self.lines = 0
        self.seen = SeenKeys(self.db)

    def teardown(self) -> None:
        self.stack.close()

    @rule()
    def open_again(self) -> None:
        self.seen = SeenKeys(self.db)

    def noted(self, keys: list[bytes]) -> None:
        numbered = list(enumerate(keys, self.lines))
        firsts = {seq: first for seq, key in numbered if (first := self.model.setdefault(key, seq)) != seq}
        assert self.seen.see(numbered) == firsts
        self.lines += len(keys)

    @rule(keys=st.lists(st.sampled_from(KEYS), max_size=20))
    def see(self, keys: list[bytes]) -> None:
        self.noted(keys)

    @rule(keys=st.lists(st.sampled_from(KEYS), max_size=20))
    def see_and_roll_back(self, keys: list[bytes]) -> None:
        before = dict(self.model)
        self.db.execute("BEGIN")
        self.noted(keys)
        self.db.execute("ROLLBACK")
        self.seen.forget()
        self.model = before

    @rule(keys=st.lists(st.sampled_from(KEYS), max_size=20))
    def ask(self, keys: list[bytes]) -> None:
        assert self.seen.known(keys) == {key for key in keys if key in self.model}

    @invariant()
    def every_key_is_there_once(self) -> None:
        fresh = b"".join(keys for _, keys in self.db.execute("SELECT seqs, keys FROM fresh"))
        assert len(fresh) // 16 < 12
        assert in_tree(self.db) + len(fresh) // 16 == len(self.model)


AgainstADict.TestCase.settings = settings(max_examples=20, stateful_step_count=25)
test_it_knows_what_a_dict_knows = AgainstADict.TestCase


def test_a_tree_is_not_read_for_keys_that_the_filter_tells_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_module, "_MOST_FRESH", 50)
    with database() as db:
        keys = [key_digest(str(number)) for number in range(200)]
        seen = SeenKeys(db)
        seen.see(list(enumerate(keys[:100])))
        assert in_tree(db) == 100
        asked: list[str] = []
        db.set_trace_callback(asked.append)
        assert seen.see(list(enumerate(keys[100:140], 100))) == {}
        assert len(asked) == 1
        assert seen.known(keys[:1]) == {keys[0]}
        assert len(asked) == 2
        # One that finds a tree has no filter and looks there.
        assert SeenKeys(db).known(keys[:100]) == frozenset(keys[:100])
