"""The docstrings of fields and enum members, which Python does not keep at run time.

They are the string literals that stand below an assignment in a class body (PEP 257 calls them
attribute docstrings). They are read from the source, so documentation is written once and shows up
in the help, the settings file and the JSON Schema. This module reads source files, nothing else.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import sys


def field_docstrings(cls: type) -> dict[str, str]:
    """Return the docstrings of a class's own and inherited fields, on one line each, by field name.

    A field without a docstring is absent. Without source (a frozen program) the result is empty:
    documentation is then missing, and nothing else breaks.
    """
    docstrings: dict[str, str] = {}
    for ancestor in reversed(cls.__mro__):
        docstrings |= _by_class(ancestor.__module__).get(ancestor.__name__, {})
    return docstrings


@functools.cache
def _by_class(module: str) -> dict[str, dict[str, str]]:
    if module.partition(".")[0] != __name__.partition(".")[0]:
        return {}  # object, enum, msgspec: not ours to document
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except OSError:
        return {}
    return {node.name: _in_body(node.body) for node in tree.body if isinstance(node, ast.ClassDef)}


def _in_body(body: list[ast.stmt]) -> dict[str, str]:
    found = {}
    for field, below in itertools.pairwise(body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found
