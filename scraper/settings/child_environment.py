"""The variables of a process that we start of ourselves."""

from __future__ import annotations

import os
from pathlib import Path

from scraper.settings.options import ENVIRONMENT_PREFIX


def child_environment() -> dict[str, str]:
    """Return our variables, without settings, for a Python that is started with ``-P``.

    By ``-P`` no module of the folder that we happen to be in is taken for one of ours. So the way to
    ourselves, should we not be installed, has to be named. Settings come to a child as an order or over a
    socket, secrets among them, and not from here.
    """
    kept = {name: text for name, text in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
    home = str(Path(__file__).parents[2])
    path = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path}
