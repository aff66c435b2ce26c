"""Children whose parts fail for real: the interpreter that they start in patches them.

A page is marked by a word in its text (or its headers), and the part that meets the word does what the
word says: it crashes the process, hangs it in C with the interpreter's lock held, or raises.
"""

from __future__ import annotations

from pathlib import Path

CRASH = "mark-crash"
"""The HTML parser ends the process by a segmentation fault."""
HANG = "mark-hang"
"""The HTML parser never comes back from C."""
BUG = "mark-bug"
"""The HTML parser raises what nobody expects."""
FATAL_HEADER = "x-mark-crash"
"""What reads the answer ends the process, before any parser has the page."""

_STARTUP = f"""
import ctypes, re, sys

class Finder:
    # Patches a module as soon as it is imported; this runs in every interpreter, most of which are not ours.
    def find_spec(self, name, path, target=None):
        if name not in PATCHES:
            return None
        sys.meta_path.remove(self)
        import importlib.util
        spec = importlib.util.find_spec(name)
        sys.meta_path.insert(0, self)
        load = spec.loader.exec_module
        def exec_module(module):
            load(module)
            PATCHES[name](module)
        spec.loader.exec_module = exec_module
        return spec

def patch_page(module):
    opened = module.open_document
    def open_document(text, **options):
        if {CRASH!r} in text:
            ctypes.string_at(0)
        if {HANG!r} in text:
            re.match("(a+)+$", "a" * 64 + "b")
        if {BUG!r} in text:
            raise LookupError("a bug on purpose")
        return opened(text, **options)
    module.open_document = open_document

def patch_impression(module):
    told = module.impression_of
    def impression_of(result, **before):
        if any(name == {FATAL_HEADER!r} for name, _ in getattr(result, "headers", ())):
            ctypes.string_at(0)
        return told(result, **before)
    module.impression_of = impression_of

PATCHES = {{"scraper.parse.page": patch_page, "scraper.verdict.impression": patch_impression}}
if "-P" in sys.orig_argv:  # a child's own interpreter, not that of the run
    sys.meta_path.insert(0, Finder())
"""


def write_startup(folder: Path) -> Path:
    """Write what patches the parts; return the folder, which belongs on ``PYTHONPATH``."""
    Path(folder, "sitecustomize.py").write_text(_STARTUP, encoding="utf-8")
    return folder
