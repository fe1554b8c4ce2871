"""Which pieces are done, and in which order, whatever fails."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import BrokenExecutor, Future

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.run.cluster.test_workers import FakeJob

from robustmel.errors import MissingError
from robustmel.run.executors import Schedule
from robustmel.run.listener import ProgressListener
from robustmel.run.pieces import Piece


class Unreliable:
    """Does pieces at once, unless it fails as told: so often for each key."""

    def __init__(self, places: int, failures: dict[str, int]) -> None:
        self.places, self.failures, self.done, self.tried = places, dict(failures), list[str](), list[str]()

    def submit(self, piece: Piece) -> Future[bool]:
        future, key = Future[bool](), piece.job.key
        self.tried.append(key)
        assert all(need.key in self.done for need in piece.job.needs), "its needs are there first"
        if self.failures.get(key, 0):
            self.failures[key] -= 1
            future.set_exception(BrokenExecutor("node1"))
        else:
            self.done.append(key)
            future.set_result(True)
        return future

    def wait(self, running: Collection[Future[bool]]) -> None:
        """All are done."""


@st.composite
def plans(draw: st.DrawFn) -> list[FakeJob]:
    jobs: list[FakeJob] = []
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.lists(st.sampled_from(jobs), unique=True, max_size=3)) if jobs else []
        jobs.append(FakeJob(f"k{number}", needs=tuple(needs)))
    return draw(st.permutations(jobs))


@given(plans(), st.dictionaries(st.sampled_from([f"k{number}" for number in range(12)]), st.integers(1, 4)), st.integers(1, 3))
def test_all_is_done_that_needs_nothing_given_up(jobs: list[FakeJob], failures: dict[str, int], places: int) -> None:
    schedule = Schedule({job.key: job for job in jobs}, ProgressListener())  # type: ignore[misc]
    schedule.tries = 3
    executor = Unreliable(places, failures)
    doomed: set[str] = {job.key for job in jobs if failures.get(job.key, 0) >= 3}
    lost = set(doomed)
    while more := {job.key for job in jobs if any(need.key in lost for need in job.needs)} - lost:
        lost |= more
    if doomed - (lost - doomed) and (reached := {key for key in doomed if not _needs_any(jobs, key, doomed)}):
        with pytest.raises(MissingError, match="given up after 3 tries") as problem:
            schedule.carry_out(executor)
        assert all(f"job {key} " in str(problem.value) for key in reached)
    else:
        assert schedule.carry_out(executor) == len(jobs)
    assert set(executor.done) == {job.key for job in jobs} - lost
    assert len(executor.done) == len(set(executor.done))
    assert sum(schedule.lost.values()) == len(executor.tried) - len(executor.done)


def _needs_any(jobs: list[FakeJob], key: str, doomed: set[str]) -> bool:
    job = next(job for job in jobs if job.key == key)
    return any(need.key in doomed or _needs_any(jobs, need.key, doomed) for need in job.needs)


def test_on_this_machine_a_failure_ends_the_run() -> None:
    job = FakeJob("k")
    schedule = Schedule({"k": job}, ProgressListener())  # type: ignore[dict-item]
    with pytest.raises(BrokenExecutor):
        schedule.carry_out(Unreliable(1, {"k": 1}))
