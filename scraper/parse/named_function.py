"""A function that a setting names: imported, looked at, and where its user's code is."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scraper.errors import SettingsError
from scraper.parse.fields import MAX_MESSAGE
from scraper.parse.text import fold

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from scraper.parse.visited_page import VisitedPage


class Target(NamedTuple):
    """A function, and where its user's code is."""

    function: Callable[[VisitedPage], Any]
    home: Path
    """The folder of its package, or the file of its module."""


def load_target(named: str) -> Target:
    """Import ``package.module:function``, from the working directory or what is installed.

    The working directory comes first while the module is imported, and stays on the path, as the last,
    for what its functions import later.

    Raises:
        SettingsError: There is no such module or function, or importing it fails; one line.
    """
    module_name, _, attribute = named.partition(":")
    if module_name.endswith(".py"):
        meant = f"{module_name.removesuffix('.py')}:{attribute}"
        raise SettingsError(f"parse.extractor = {named}: a module is named without its ending, {meant}")
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the module is the user's: whatever it raises
        raise SettingsError(f"parse.extractor = {named}: {_not_imported(module_name, error)}") from None
    finally:
        if added:
            sys.path.remove(here)
            sys.path.append(here)
    function: Any = module
    for part in attribute.split("."):
        function = getattr(function, part, None)
    if not callable(function):
        found = "is no function" if function is not None else "is not there"
        raise SettingsError(f"parse.extractor = {named}: {attribute} {found} in {module_name}")
    if wrong := _not_to_becalled_by(function):
        raise SettingsError(f"parse.extractor = {named}: {attribute} {wrong}")
    return Target(function, _home_of(module))


def _not_to_becalled_by(function: Callable[..., Any]) -> str | None:
    """Return what is wrong with a function as it is defined: of what it can't be called with, or gives."""
    if inspect.isclass(function):
        return "is a class, not a function"
    called = called_by(function)
    if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
        return "is a generator: return a dict in place of yield"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # one in C may tell of no parameters
        return None
    try:
        signature.bind(object())
    except TypeError:
        return f"is called with a page and nothing else, and it takes {str(signature)[:MAX_MESSAGE]}"
    return None


def called_by(function: Callable[..., Any]) -> Any:
    """Return what runs when it is called: the method of an object that is no function."""
    bare = function
    while isinstance(bare, partial):
        bare = bare.func
    return bare if inspect.isroutine(bare) else type(bare).__call__


def _not_imported(name: str, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
        return f"there is no module {error.name} in the working directory, nor installed"
    if isinstance(error, SyntaxError) and error.filename:
        return f"can't import {name}: {error.msg} ({Path(error.filename).name}:{error.lineno})"
    return f"can't import {name}: {told(error, home=None)}"


def _home_of(module: ModuleType) -> Path:
    package = sys.modules.get(module.__name__.partition(".")[0], module)
    if paths := list(getattr(package, "__path__", ())):
        return Path(paths[0]).resolve()
    return Path(getattr(module, "__file__", None) or "").resolve()


def told(error: BaseException, *, home: Path | None) -> str:
    """Return type and message of an exception, and the innermost line of the user's code."""
    message = fold(str(error)[: 4 * MAX_MESSAGE])[: MAX_MESSAGE - 100]
    told = f"{type(error).__name__}: {message}" if message else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    inner = next((frame for frame in reversed(frames) if _is_users(frame.filename, home=home)), None)
    return f"{told} ({_shown_path(inner.filename, home=home)}:{inner.lineno})" if inner else told


def _is_users(filename: str, *, home: Path | None) -> bool:
    """Whether a file is of the function's package, or lies in the working directory and is no library."""
    path = Path(filename)
    if not path.is_absolute() or not path.is_file():
        return False
    path = path.resolve()
    if home is not None and path.is_relative_to(home):
        return True
    is_ours = path.is_relative_to(Path(__file__).resolve().parent)
    is_library = not {"site-packages", "dist-packages"}.isdisjoint(path.parts)
    return path.is_relative_to(Path.cwd()) and not is_ours and not is_library


def _shown_path(filename: str, *, home: Path | None) -> str:
    """Write a path without what is above the user's code."""
    path = Path(filename).resolve()
    for above in (Path.cwd(), *([home.parent] if home else [])):
        if path.is_relative_to(above):
            return path.relative_to(above).as_posix()
    return path.name
