"""From spans to a job: the tree, rounds, the critical path, failures, what is missing."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.trace.files import SECOND, Trace, at, two_rounds
from v6client.cli.trace.assemble import jobs_of
from v6client.cli.trace.findings import Role, failures_of
from v6client.cli.trace.job import Job, Run, State, Task, rounds_of
from v6client.cli.trace.path import Part, critical_path
from v6client.cli.trace.reading import read_files
from v6client.cli.trace.rows import rows_of
from v6client.cli.trace.story import Story

Jobs = Callable[[Trace], list[Job]]


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    """Build jobs by way of a file."""

    def build(trace: Trace) -> list[Job]:
        reading = read_files([trace.write(tmp_path / "t.jsonl")])
        assert not reading.problems
        return jobs_of(reading.records.values())

    return build


def shape(job: Job) -> list[tuple[int, int | None, list[int]]]:
    """Give each task with its creator's task and its organizations."""
    return [
        (
            task.task_id,
            None if task.creator is None else task.creator.task.task_id,
            [run.organization_id for run in task.runs],
        )
        for task in job.all_tasks()
    ]


def test_two_rounds_are_two_tasks_below_the_first(jobs: Jobs) -> None:
    [job] = jobs(two_rounds())
    assert shape(job) == [(1, None, [1]), (2, 1, [2, 3]), (3, 1, [2, 3])]
    [root] = job.first_runs
    assert [[task.task_id for task in one] for one in root.rounds] == [[2], [3]]
    assert root.polls == 14
    assert (job.start, job.end, job.problems) == (at(0), at(10), [])


def test_a_runs_own_span_says_its_times_where_nobody_waited(jobs: Jobs) -> None:
    trace = Trace()
    root = trace.algorithm(1, 1, 0, 1)
    trace.create(2, 0.5, 2, who=(1, 1), parent=root)
    trace.algorithm(2, 2, 2, 5, "00000000000000aa", error="ValueError")
    [job] = jobs(trace)
    [run] = [one for one in job.all_runs() if one.organization_id == 2]
    assert (run.state, run.error_type) == (State.FAILED, "ValueError")
    assert (run.queue, run.compute) == (1.5 * SECOND, 3 * SECOND)
    assert "1 run there is no span" in job.problems[1]


def test_the_order_of_spans_does_not_matter(jobs: Jobs) -> None:
    trace = two_rounds()
    trace.attempt(9, resend=1)
    expected = Story.of(jobs(trace)[0])
    for seed in range(5):
        random.Random(seed).shuffle(trace.spans)  # noqa: S311 - no secret
        story = Story.of(jobs(trace)[0])
        assert shape(story.job) == shape(expected.job)
        assert story.sentences == expected.sentences


def test_without_resources_the_tree_comes_from_the_parents(jobs: Jobs) -> None:
    trace = two_rounds()
    expected = shape(jobs(trace)[0])
    trace.spans = [(None, span) for _, span in trace.spans]
    [job] = jobs(trace)
    assert shape(job) == expected


def test_a_creator_whose_span_was_never_exported_is_in_the_tree(jobs: Jobs) -> None:
    trace = Trace()
    created = trace.create(2, 1, 1, who=(1, 1), parent="00000000000000aa")
    trace.run(2, 2, (1, 2, 3), parent=created)
    [job] = jobs(trace)
    assert shape(job) == [(1, None, [1]), (2, 1, [2])]
    [root] = job.first_runs
    assert root.state is State.UNKNOWN
    assert Story.of(job).verdict == "end unknown"
    assert "gaps" in job.problems[0]


def test_children_without_their_creator_are_at_the_top_and_said_to_be_so(jobs: Jobs) -> None:
    trace = Trace()
    trace.algorithm(4, 2, 1, 2, "00000000000000aa")
    trace.algorithm(5, 2, 1, 2, "00000000000000ab")
    [job] = jobs(trace)
    assert [task.is_orphan for task in job.tasks] == [True, True]
    assert job.first_runs == []
    assert Story.of(job).verdict == "end unknown"


def test_a_span_below_one_of_another_library_is_not_lost(tmp_path: Path) -> None:
    trace = Trace()
    root = trace.algorithm(1, 1, 0, 10)
    foreign = trace.add("somebody else's", 1, 2, {}, parent=root)
    created = trace.create(2, 1, 1, who=(1, 1), parent=foreign)
    trace.run(2, 2, (1, 2, 3), parent=created)
    reading = read_files([trace.write(tmp_path / "t.jsonl")])
    [job] = jobs_of(reading.records.values(), reading.foreign)
    assert shape(job) == [(1, None, [1]), (2, 1, [2])]
    assert job.problems == []


def test_two_traces_are_two_jobs(tmp_path: Path) -> None:
    other = two_rounds()
    other.trace_id = "a" * 32
    other.spans = []
    other.algorithm(7, 1, -5, -4)
    other.write(tmp_path / "other.jsonl")
    two_rounds().write(tmp_path / "t.jsonl")
    reading = read_files([tmp_path])
    assert [job.tasks[0].task_id for job in jobs_of(reading.records.values())] == [7, 1]


def test_a_circle_of_tasks_ends(jobs: Jobs) -> None:
    trace = Trace()
    trace.run(2, 1, (1, 2, 3), who=(3, 1))
    trace.run(3, 1, (1, 2, 3), who=(2, 1))
    trace.run(4, 1, (1, 2, 3), who=(4, 1))
    [job] = jobs(trace)
    assert sorted(task.task_id for task in job.all_tasks()) == [2, 3, 4]


@pytest.mark.parametrize("depth", [3, 3000])
def test_a_tree_of_any_depth_is_read(jobs: Jobs, depth: int) -> None:
    trace = Trace()
    trace.algorithm(1, 1, 0, 10)
    for task in range(2, depth):
        trace.run(task, 1, (1, 2, 3), who=(task - 1, 1))
    [job] = jobs(trace)
    assert len(list(job.all_tasks())) == depth - 1
    story = Story.of(job)
    assert rows_of(job, story.path, full=True)


def test_rounds_are_tasks_that_were_under_way_together() -> None:
    def task(number: int, begin: int, end: int) -> Task:
        one = Task(number, created=begin)
        one.runs = [Run(one, 1, created=begin, started=begin, ended=end)]
        return one

    tasks = [task(1, 0, 10), task(2, 5, 20), task(3, 15, 17), task(4, 20, 30), task(5, 31, 32)]
    assert [[one.task_id for one in group] for group in rounds_of(reversed(tasks))] == [
        [1, 2, 3],
        [4],
        [5],
    ]


def test_the_critical_path_is_the_whole_length_through_who_was_last(jobs: Jobs) -> None:
    [job] = jobs(two_rounds(slow=3))
    path = critical_path(job)
    assert [
        (one.run.organization_id, one.part, (one.start - at(0)) / SECOND, one.length / SECOND)
        for one in path
    ] == [
        (1, Part.COMPUTE, 0, 1),
        (3, Part.QUEUE, 1, 1),
        (3, Part.COMPUTE, 2, 2),
        (1, Part.NOTICE, 4, 0.5),
        (1, Part.COMPUTE, 4.5, 0.5),
        (3, Part.QUEUE, 5, 1),
        (3, Part.COMPUTE, 6, 2),
        (1, Part.NOTICE, 8, 0.5),
        (1, Part.COMPUTE, 8.5, 1.5),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_a_critical_path_has_no_gap_whatever_the_clocks_say(jobs: Jobs, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - no secret
    trace = Trace()
    root = trace.algorithm(1, 1, 0, 100)
    for task in range(2, 30):
        above = draw.choice([1, *range(2, task)])
        who = (above, 1 if above == 1 else draw.choice([1, 2]))
        created = trace.create(task, draw.uniform(-5, 90), 2, who=who, parent=root)
        for organization in (1, 2):
            begin = draw.uniform(-20, 100)
            length = draw.uniform(0, 30)
            times = (begin, begin + draw.uniform(-5, 5), begin + length)
            trace.run(task, organization, times, who=who, parent=created)
        trace.wait(task, draw.uniform(0, 50), draw.uniform(50, 120), 1, who=who)
    [job] = jobs(trace)
    path = critical_path(job)
    assert path[0].start == at(0)
    assert path[-1].end == at(100)
    for one, following in pairwise(path):
        assert one.end == following.start
        assert one.length > 0


def test_a_job_that_goes_on_has_no_critical_path(jobs: Jobs) -> None:
    trace = two_rounds()
    trace.spans = [one for one in trace.spans if one[1]["name"] != "algorithm"]
    assert critical_path(jobs(trace)[0]) == []


def test_the_cause_of_a_failure_comes_first(jobs: Jobs) -> None:
    trace = Trace()
    root = trace.algorithm(1, 1, 0, 10, error="TaskFailed")
    created = trace.create(2, 1, 3, who=(1, 1), parent=root)
    trace.run(2, 2, (1, None, 4), status="failed", parent=created)
    run = trace.run(2, 3, (1, 2, 4), status="crashed", parent=created)
    trace.algorithm(2, 3, 2, 4, run, error="ZeroDivisionError")
    trace.run(2, 4, (1, 2, 5), parent=created)
    [job] = jobs(trace)
    assert [(one.run.organization_id, one.role) for one in failures_of(job)] == [
        (3, Role.CAUSE),
        (2, Role.CASCADED),
        (1, Role.FOLLOWED),
    ]
    story = Story.of(job)
    assert (story.verdict, story.is_well) == ("failed", False)
    assert story.sentences[1].startswith(
        "Organization 3 failed in task 2: crashed (ZeroDivisionError) after 2.0 s."
    )
    assert "1 run never started because of that." in story.sentences


def test_a_run_that_failed_alone_before_its_start_is_a_cause(jobs: Jobs) -> None:
    trace = Trace()
    trace.algorithm(1, 1, 0, 10)
    trace.run(2, 2, (1, None, 4), status="failed")
    [job] = jobs(trace)
    assert [one.role for one in failures_of(job)] == [Role.CAUSE]


def test_retries_are_told_with_what_they_followed(jobs: Jobs) -> None:
    trace = two_rounds()
    trace.attempt(9, error="503")
    trace.attempt(9.2, resend=1, error="503")
    trace.attempt(9.4, resend=2)
    story = Story.of(jobs(trace)[0])
    [resent] = story.resent
    assert (resent.request, resent.organization_id, resent.count) == ("GET /run", 1, 2)
    assert resent.reasons == (("503", 2),)
    text = " ".join(story.sentences)
    assert "made 3 requests and 14 status polls; 2 of them were retries" in text


def test_clocks_that_disagree_are_told(jobs: Jobs) -> None:
    trace = two_rounds()
    trace.run(4, 3, (1, 1, 2), is_skewed=True)
    assert "clock of organization 3" in Story.of(jobs(trace)[0]).sentences[-1]


def test_of_a_large_job_what_matters_is_shown(jobs: Jobs) -> None:
    trace = Trace()
    root = trace.algorithm(1, 1, 0, 1000)
    for task in range(2, 300):
        created = trace.create(task, task, 20, who=(1, 1), parent=root)
        for organization in range(1, 21):
            status = "crashed" if (task, organization) == (150, 7) else "completed"
            trace.run(
                task, organization, (task, task + 0.1, task + 0.5), status=status, parent=created
            )
    [job] = jobs(trace)
    story = Story.of(job)
    rows = rows_of(job, story.path)
    assert len(rows) < 120
    assert any(isinstance(row.item, Task) and row.item.task_id == 150 for row in rows)
    crashed = [run for run in job.all_runs() if run.status == "crashed"]
    assert [row.item for row in rows if row.item in crashed] == crashed
    assert any(isinstance(row.item, str) and "tasks more" in row.item for row in rows)
    assert len(rows_of(job, story.path, full=True)) == 299 + 298 * 20 + 1
