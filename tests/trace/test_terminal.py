"""What the terminal shows."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from tests.trace.files import Trace, two_rounds
from v6client.cli import main
from v6client.cli.trace.assemble import jobs_of
from v6client.cli.trace.reading import read_files
from v6client.cli.trace.story import Story
from v6client.cli.trace.terminal import show


def shown(trace: Trace, folder: Path, *, encoding: str = "utf-8", full: bool = False) -> str:
    reading = read_files([trace.write(folder / "t.jsonl")])
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding=encoding)
    show([Story.of(job) for job in jobs_of(reading.records.values())], file=file, full=full)
    file.flush()
    return buffer.getvalue().decode(encoding)


def test_the_tree_has_rounds_organizations_and_a_bar_each(tmp_path: Path) -> None:
    text = shown(two_rounds(), tmp_path)
    assert "Job of task 1 · completed · 2023-11-14 22:13:20 UTC" in text
    lines = [line.rstrip() for line in text.splitlines()]
    [round_two] = [line for line in lines if "task 3 · round 2" in line]
    assert "2 of 2 completed" in round_two
    slow = [line for line in lines if "organization 3" in line and "█" in line]
    assert len(slow) == 2
    for line in slow:
        assert "completed 2.0 s" in line
        assert "◆" in line
        # One second in the queue, two at work.
        bar = re.sub("[^░█]", "", line)
        assert bar.count("█") == pytest.approx(2 * bar.count("░"), abs=2)
    assert all("◆" not in line for line in lines if "organization 2" in line)
    assert "0 requests and 14 status polls" in text


def test_bars_are_where_their_times_are(tmp_path: Path) -> None:
    lines = shown(two_rounds(), tmp_path).splitlines()
    axis = next(line for line in lines if line.strip().startswith("0 s"))
    left, width = axis.index("0 s"), len(axis.rstrip()) - axis.index("0 s")
    tasks = [line for line in lines if "round" in line and "─ task" in line]
    for line, begin, end in zip(tasks, (1, 5), (4, 8), strict=True):
        bar = line[left:]
        assert len(bar) - len(bar.lstrip()) == pytest.approx(begin / 10 * width, abs=1)
        assert len(bar.rstrip()) == pytest.approx(end / 10 * width, abs=1)


def test_a_failure_is_told_before_the_tree(tmp_path: Path) -> None:
    trace = two_rounds()
    trace.run(4, 5, (8, 8.5, 9), status="crashed")
    text = shown(trace, tmp_path)
    assert text.index("Organization 5 failed in task 4: crashed") < text.index("└─")
    assert "completed, with failures" in text


def test_a_terminal_without_unicode_gets_ascii(tmp_path: Path) -> None:
    text = shown(two_rounds(), tmp_path, encoding="ascii")
    assert "`- organization 1" in text
    assert "#" in text


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_no_line_of_the_tree_is_wider_than_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for line in shown(two_rounds(), tmp_path).splitlines():
        assert len(line) <= int(columns)


def test_the_command_says_what_it_did_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = two_rounds()
    trace.add("someone else's", 0, 1, {})
    path = trace.write(tmp_path / "t\x1b[31m.jsonl")
    path.write_text(path.read_text() + "broken\n")
    assert main(["trace", str(path)]) == 0
    output, errors = capsys.readouterr()
    assert "Job of task 1" in output
    assert "t?[31m.jsonl, line 6: cut or broken" in errors
    assert "1 span of other libraries not shown" in errors
    assert "\x1b" not in errors


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"resourceMetrics": []}', "metrics or logs alone"),
        (
            '{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "x"}]}]}]}',
            "none is of v6client",
        ),
    ],
)
def test_a_file_without_a_job_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    (tmp_path / "t.jsonl").write_text(content)
    assert main(["trace", str(tmp_path / "t.jsonl")]) == 1
    assert said in capsys.readouterr().err


def test_many_jobs_are_cut_short_unless_all_are_asked_for(tmp_path: Path) -> None:
    for number in range(8):
        trace = two_rounds()
        for _, span in trace.spans:
            span["traceId"] = f"{number + 1:032x}"
        trace.write(tmp_path / f"{number}.jsonl")
    reading = read_files([tmp_path])
    stories = [Story.of(job) for job in jobs_of(reading.records.values())]
    some, everything = io.StringIO(), io.StringIO()
    show(stories, file=some)
    show(stories, file=everything, full=True)
    assert some.getvalue().count("Job of task") == 5
    assert "3 more jobs" in some.getvalue()
    assert everything.getvalue().count("Job of task") == 8


def test_a_missing_rich_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rich.console", None)
    assert main(["trace", str(two_rounds().write(tmp_path / "t.jsonl"))]) == 1
    assert "pip install 'v6client[trace]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["trase"], "did you mean 'trace'?"),
        (["Sandbox", "up"], "did you mean 'sandbox'?"),
        (["xyzzy"], "there are sandbox, demo, "),
        (["\x1b[31mtrace"], "\\x1b"),
    ],
)
def test_a_command_that_is_not_there_is_answered_with_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str], typed: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(typed)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_trace_of_many_thousand_spans_fits_on_a_screen(tmp_path: Path) -> None:
    trace = Trace()
    root = trace.algorithm(1, 1, 0, 5000)
    for task in range(2, 402):
        created = trace.create(task, task, 18, who=(1, 1), parent=root)
        for organization in range(1, 19):
            trace.run(task, organization, (task, task + 0.1, task + 0.5), parent=created)
    text = shown(trace, tmp_path)
    assert "7,201 of 7,201 runs completed" in text
    assert len(text.splitlines()) < 150
