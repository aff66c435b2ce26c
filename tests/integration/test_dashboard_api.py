"""The API against its own description, by schemathesis, and what the description does not say."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scraper.dashboard.access import access_of
from scraper.dashboard.api import Api
from scraper.dashboard.openapi import description
from scraper.dashboard.server import dashboard
from tests.support.fake_daemon import sample
from tests.support.raw_client import ask
from tests.support.served_dashboard import ServedDashboard, served_dashboard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.fake_daemon import FakeDaemon

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
    with served_dashboard(tmp_path_factory.mktemp("runs")) as one:
        yield one


@pytest.fixture(scope="module")
def proof(served: ServedDashboard) -> dict[str, str]:
    with urlopen(f"{served.url}/api/v1/session") as answer:  # noqa: S310 our own server
        return {"X-CSRF-Token": json.load(answer)["proof"]}


@pytest.fixture(scope="module")
def schema(served: ServedDashboard) -> Any:
    return schemathesis.openapi.from_url(f"{served.url}/api/v1/openapi.json")


def operations(schema: Any) -> dict[str, Any]:
    found = [one.ok() for one in schema.get_all_operations()]
    return {one.definition.raw["operationId"]: one for one in found}


@pytest.mark.parametrize("name", NAMES)
def test_it_does_what_its_description_says(
    served: ServedDashboard, schema: Any, proof: dict[str, str], name: str
) -> None:
    operation = operations(schema)[name]
    true = served.do(lambda daemon: _known(daemon, "news" if name == "live" else "shop"))
    statuses: set[int] = set()

    def prove(knows: st.SearchStrategy[bool], *, examples: int) -> None:
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), knows=knows)
        def proven(case: Any, *, knows: bool) -> None:
            if knows and case.path_parameters:
                # Else nothing is ever found.
                case.path_parameters.update({key: true[key] for key in case.path_parameters})
            statuses.add(case.call_and_validate(headers=proof).status_code)

        proven()

    prove(st.booleans(), examples=12)
    if not statuses & {200, 202}:  # by chance each example was one that is refused
        prove(st.just(True), examples=60)
    assert statuses & {200, 202}


def _known(daemon: FakeDaemon, name: str) -> dict[str, str]:
    job = next(job for job in daemon.jobs() if job.name == name)
    return {"job": name, "run": job.recent[0].id, "page": "p3"}


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    daemon, pages = sample(datetime.now(UTC), tmp_path)
    async with dashboard(daemon, pages, access_of("127.0.0.1:0", {})) as one:
        yield one


async def get(url: str, target: str) -> Any:
    answer = await ask(url, f"/api/v1{target}")
    assert answer.status == 200
    return json.loads(answer.body)


async def test_runs_come_in_parts_until_there_are_no_more(url: str) -> None:
    found, target = [], "/jobs/shop/runs?limit=30"
    for expected in (30, 30, 4):
        part = await get(url, target)
        assert len(part["runs"]) == expected
        found += part["runs"]
        target = "/jobs/shop/runs?limit=30&before=" + quote(part["next"] or "")
    assert part["next"] is None
    assert len({run["id"] for run in found}) == 64
    assert [run["due"] for run in found] == sorted((run["due"] for run in found), reverse=True)


async def test_a_run_has_its_parts_where_it_is_asked_for_by_itself(url: str) -> None:
    listed = (await get(url, "/jobs/shop/runs?limit=1"))["runs"][0]
    alone = await get(url, f"/jobs/shop/runs/{listed['id']}")
    assert listed["parts"] == {"by_state": {}, "rows": []}
    assert alone["parts"]["by_state"] == {"waiting": 4, "finished": 1}
    assert [row["state"] for row in alone["parts"]["rows"]].count("finished") == 1
    live = await get(url, "/jobs/news/live")
    assert live["parts"]["by_state"] == {"running": 2, "lost": 1, "waiting": 1, "finished": 1}


async def test_changes_come_by_kind_by_words_and_in_parts(url: str) -> None:
    run = (await get(url, "/jobs/shop/runs?limit=1"))["runs"][0]["id"]
    target = f"/jobs/shop/runs/{run}/changes?status=gone&status=new&limit=40&q=KETTLE-"
    part = await get(url, target)
    assert {row["status"] for row in part["rows"]} == {"gone", "new"}
    rest = await get(url, f"{target}&after={part['next']}")
    assert len(part["rows"]) + len(rest["rows"]) == 65
    assert rest["next"] is None


async def test_it_says_no_path_of_the_machine(url: str, tmp_path: Path) -> None:
    for target in ("/jobs", "/jobs/shop/runs"):
        text = json.dumps(await get(url, target))
        assert str(tmp_path) not in text
        assert '"has_files": true' in text


@pytest.mark.parametrize(
    ("target", "status", "detail"),
    [
        ("/jobs/nothing", 404, "There is no job by this name."),
        ("/jobs/shop/runs/nothing", 404, "There is no run by this name in the job's history."),
        ("/jobs/shop/live", 404, "No run of this job goes on."),
        ("/jobs/shop/pages/nothing", 404, "The job knows no page by this name."),
        ("/nothing", 404, "There is nothing here."),
        ("/jobs/shop/runs?limit=0", 422, "limit"),
        ("/jobs/shop/runs?limit=many", 422, "limit"),
        ("/jobs/shop/runs?limit=1&limit=2", 422, "'limit' is given more than once."),
        ("/jobs/shop/runs?before=2026-11-29T12:00:00", 422, "timezone"),
        ("/jobs/shop/runs?befor=x", 422, "befor"),
        ("/jobs/shop/pages?after=x", 404, "there is no such part"),
        ("/jobs?x=1", 422, "x"),
    ],
)
async def test_what_is_not_done_is_a_problem(url: str, target: str, status: int, detail: str) -> None:
    answer = await ask(url, f"/api/v1{target}")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert answer.status == problem["status"] == status
    assert problem["type"] == "about:blank"
    assert detail in problem["detail"]


async def test_what_cannot_be_done_now_is_a_conflict(url: str) -> None:
    proof = (await get(url, "/session"))["proof"]
    answer = await ask(url, "/api/v1/jobs/news/trigger", method="POST", x_csrf_token=proof)
    assert answer.status == 409
    assert json.loads(answer.body)["detail"] == "a run of news goes on already"


def test_the_description_tells_of_a_token_where_one_is_needed() -> None:
    operations = Api(None, None, needs_token=True).operations()  # type: ignore[arg-type]  # nothing is asked
    with_token, without = (description(operations, needs_token=needs) for needs in (True, False))
    assert with_token["components"]["securitySchemes"].keys() == {"proof", "token"}
    assert without["components"]["securitySchemes"].keys() == {"proof"}
    for path in with_token["paths"].values():
        for operation in path.values():
            assert operation["security"] == [{"token": []}]
            assert {"401", "429"} <= operation["responses"].keys()
    assert "security" not in without["paths"]["/jobs"]["get"]
    assert without["paths"]["/drain"]["post"]["security"] == [{"proof": []}]


async def test_without_the_library_metrics_tell_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("prometheus_client")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "scraper.dashboard.metrics", raising=False)
    daemon, pages = sample(datetime.now(UTC), tmp_path)
    async with dashboard(daemon, pages, access_of("127.0.0.1:0", {})) as one:
        answer = await ask(one, "/metrics")
        assert answer.status == 404
        assert "pip install prometheus-client" in json.loads(answer.body)["detail"]
        assert (await ask(one, "/healthz")).status == 200
