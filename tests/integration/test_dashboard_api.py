"""The API against its own description, by schemathesis, and what the description does not say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.config import ProjectConfig, ProjectsConfig, SchemathesisConfig

from scraper.dashboard.access import access_of
from scraper.dashboard.api import Api
from scraper.dashboard.server import dashboard
from tests.support.fake_daemon import FakeDaemon, FakePages, sample
from tests.support.raw_client import ask
from tests.support.served_dashboard import ServedDashboard, served_dashboard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

TOKEN = "correct horse battery staple"  # noqa: S105 nobody's
NAMES = (
    "jobs",
    "job",
    "live",
    "runs",
    "run",
    "changes",
    "pages",
    "page",
    "session",
    "trigger",
    "pause",
    "resume",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDashboard]:
    with served_dashboard(tmp_path_factory.mktemp("runs"), token=TOKEN) as one:
        yield one


@pytest.fixture(scope="module")
def schema(served: ServedDashboard) -> Any:
    return schemathesis.openapi.from_url(
        f"{served.url}/api/v1/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}
    )


def operations(schema: Any) -> dict[str, Any]:
    found = [one.ok() for one in schema.get_all_operations()]
    return {one.definition.raw["operationId"]: one for one in found}


@pytest.mark.parametrize("name", NAMES)
def test_it_does_what_its_description_says(served: ServedDashboard, schema: Any, name: str) -> None:
    operation = operations(schema)[name]
    job, run, page = served.do(lambda daemon: _known(daemon))

    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), knows=st.booleans())
    def prove(case: Any, *, knows: bool) -> None:
        if knows and case.path_parameters:
            # Else nothing is ever found.
            true = {"job": job, "run": run, "page": page}
            case.path_parameters.update({key: true[key] for key in case.path_parameters})
        case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"})

    prove()


def _known(daemon: FakeDaemon) -> tuple[str, str, str]:
    job = daemon.jobs()[0]
    return job.name, job.recent[0].id, "p3"
