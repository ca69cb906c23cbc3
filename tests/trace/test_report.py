"""The page as text: its policy, its size, and that nothing in it is anything but text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.trace.files import Trace, two_rounds
from v6client.cli import main
from v6client.cli.trace.assemble import jobs_of
from v6client.cli.trace.markup import Markup, joined, tag
from v6client.cli.trace.page_data import in_script
from v6client.cli.trace.reading import read_files
from v6client.cli.trace.report import page_of
from v6client.cli.trace.story import Story

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e'\"&"


def page(trace: Trace, folder: Path, problems: tuple[str, ...] = ()) -> str:
    reading = read_files([trace.write(folder / "t.jsonl")])
    return page_of([Story.of(job) for job in jobs_of(reading.records.values())], problems)


class Elements(HTMLParser):
    """Collects the elements and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.content: dict[str, list[str]] = {}
        self._within: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._within.pop() == tag

    def handle_data(self, data: str) -> None:
        self.content.setdefault(self._within[-1] if self._within else "", []).append(data)


def test_the_policy_allows_the_pages_own_style_and_script_alone(tmp_path: Path) -> None:
    text = page(two_rounds(), tmp_path)
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    directives = dict(one.strip().split(" ", 1) for one in policy.split(";"))
    assert directives.pop("default-src") == "'none'"
    assert directives.pop("base-uri") == directives.pop("form-action") == "'none'"
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    for name, content in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert directives.pop(name) == f"'sha256-{digest}'"
    assert not directives


def test_the_page_asks_nothing_of_a_network(tmp_path: Path) -> None:
    elements = Elements(page(two_rounds(), tmp_path)).elements
    for name, attributes in elements:
        assert name not in {"link", "img", "iframe", "object", "a", "form", "base"}
        assert not attributes.keys() & {"src", "href", "style", "action", "srcset", "ping"}
        assert not any(key.startswith("on") for key in attributes)


def test_hostile_text_is_text(tmp_path: Path) -> None:
    trace = two_rounds()
    for _, span in trace.spans:
        span["status"] = {"code": 2, "message": HOSTILE}
        span["traceState"] = HOSTILE
        span["attributes"].append({"key": HOSTILE, "value": {"stringValue": HOSTILE}})
        for one in span["attributes"]:
            if one["key"] in {"v6client.run.status", "error.type"}:
                one["value"] = {"stringValue": HOSTILE}
        span["events"].append({"name": HOSTILE, "timeUnixNano": "1"})
    clean = Elements(page(two_rounds(), tmp_path))
    found = Elements(page(trace, tmp_path, problems=(HOSTILE,)))
    names = {name for name, _ in clean.elements}
    # A run whose status is no status has failed, as its error says: that is told in a list.
    assert {name for name, _ in found.elements} <= names | {"details", "summary"}
    assert [name for name, _ in found.elements].count("script") == 2
    assert found.content["p"].count(HOSTILE) == 1
    everything = "".join(text for texts in found.content.values() for text in texts)
    assert everything.count("alert(1)") == HOSTILE.count("alert(1)")


def test_data_cannot_end_its_script() -> None:
    text = in_script({"a": "</script><!--&", "b": "\u2028"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!--&", "b": "\u2028"}


def test_markup_escapes_what_is_text() -> None:
    written = tag("p", "<b>", tag("i", "a & b"), None, title='"><script>', class_="x")
    assert written == Markup(
        '<p title="&quot;&gt;&lt;script&gt;" class="x">&lt;b&gt;<i>a &amp; b</i></p>'
    )
    assert joined("'", Markup("<br>")).text == "&#x27;<br>"


def test_a_thousand_runs_are_a_small_page(tmp_path: Path) -> None:
    trace = Trace()
    root = trace.algorithm(1, 1, 0, 1000)
    for task in range(2, 102):
        created = trace.create(task, task, 10, who=(1, 1), parent=root)
        for organization in range(1, 11):
            run = trace.run(task, organization, (task, task + 0.1, task + 0.5), parent=created)
            trace.algorithm(task, organization, task + 0.2, task + 0.4, run)
    text = page(trace, tmp_path)
    assert "1,001 of 1,001" in text
    assert len(text.encode()) < 500_000


def test_the_cause_comes_before_the_tree_and_the_consequences_behind_it(tmp_path: Path) -> None:
    trace = two_rounds()
    trace.run(3, 4, (5, 6, 7), status="crashed")
    trace.run(3, 5, (5, None, 7), status="failed")
    text = page(trace, tmp_path)
    cause = text.index("Organization 4: crashed")
    assert cause < text.index("Organization 5, task 3: never started") < text.index('"waterfall"')


def test_gaps_and_problems_are_on_the_page(tmp_path: Path) -> None:
    trace = two_rounds()
    trace.algorithm(9, 2, 1, 2, "00000000000000aa")
    text = page(trace, tmp_path, problems=("t.jsonl, line 3: cut or broken",))
    assert "The tree has gaps" in text
    assert "t.jsonl, line 3: cut or broken" in text


def test_the_command_writes_the_page_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = two_rounds().write(tmp_path / "t.jsonl")
    assert main(["trace", str(path), "--html", str(tmp_path / "report.html")]) == 0
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert str(tmp_path / "report.html") in capsys.readouterr().err


def test_a_page_that_cannot_be_written_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = two_rounds().write(tmp_path / "t.jsonl")
    assert main(["trace", str(path), "--html", str(tmp_path / "no" / "report.html")]) == 1
    assert "cannot be written" in capsys.readouterr().err
