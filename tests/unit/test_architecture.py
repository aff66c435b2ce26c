"""Rules that hold for the whole source tree and that no other tool checks."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import scraper
from scraper import errors
from scraper.settings.docstrings import field_docstrings
from scraper.settings.options import options, sections

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(scraper.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))

FORBIDDEN_CALLS = {
    "asyncio.gather": "a task group cancels the others when one fails",
    "asyncio.create_task": "a task belongs to a task group",
    "asyncio.ensure_future": "a task belongs to a task group",
    "loop.create_task": "a task belongs to a task group",
    "eval": "input is hostile",
    "exec": "input is hostile",
}


def violations(source: str) -> Iterator[str]:
    """Yield what a module does against the rules for tasks and for hostile input, with the line."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=function, keywords=keywords):
                name = ast.unparse(function)
                if name in FORBIDDEN_CALLS:
                    yield f"{node.lineno}: {name}: {FORBIDDEN_CALLS[name]}"
                elif name.endswith(".create_task") and "name" not in {keyword.arg for keyword in keywords}:
                    yield f"{node.lineno}: {name} without a name: a stalled task must tell what it is"
            case ast.ImportFrom(module="asyncio", names=names):
                hidden = {alias.name for alias in names} & {"gather", "create_task", "ensure_future"}
                yield from (f"{node.lineno}: import of {name}" for name in sorted(hidden))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_keeps_the_rules(path: Path) -> None:
    source = path.read_text("utf-8")
    assert list(violations(source)) == []
    assert source.count("\n") <= 400, "look for the second idea in it"
    assert ast.get_docstring(ast.parse(source)), "a module says what it is"


def test_type_checkers_read_every_public_name() -> None:
    program = ast.parse((PACKAGE.parent / "tests" / "typing" / "api.py").read_text("utf-8"))
    used = {
        node.attr
        for node in ast.walk(program)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "scraper"
    }
    assert used == set(scraper.__all__)


@pytest.mark.parametrize(
    "source",
    [
        "await asyncio.gather(a)",
        "asyncio.create_task(a, name='x')",
        "asyncio.ensure_future(a)",
        "loop.create_task(a, name='x')",
        "group.create_task(a)",
        "self.group.create_task(a)",
        "from asyncio import gather",
        "eval('1')",
    ],
)
def test_the_rules_are_noticed_when_broken(source: str) -> None:
    assert list(violations(source))


@pytest.mark.parametrize("source", ["group.create_task(a, name='x')", "self.evaluate('1')"])
def test_what_is_allowed_is_not_noticed(source: str) -> None:
    assert not list(violations(source))


def test_the_printed_tree_of_errors_is_the_tree_of_classes() -> None:
    def drawn(cls: type[Exception], depth: int = 0) -> Iterator[tuple[int, str]]:
        yield depth, cls.__name__
        for child in cls.__subclasses__():
            if child.__module__ == errors.__name__:
                yield from drawn(child, depth + 1)

    printed = [
        (len(match["indent"].expandtabs()) // 4, match["name"])
        for match in re.finditer(
            r"^    (?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+)", errors.__doc__ or "", re.MULTILINE
        )
    ]
    assert printed == list(drawn(errors.ScraperError))


def test_every_error_is_explained() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    assert all(cls.__doc__ for cls in classes)


@pytest.mark.parametrize("name", options())
def test_every_setting_has_a_docstring(name: str) -> None:
    option = options()[name]
    assert field_docstrings(sections()[option.section]).get(option.field)
