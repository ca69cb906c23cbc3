"""The page in a browser, with a keyboard, light and dark, wide and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.trace.browser import MISSING, Browser, browser
from tests.trace.files import Trace, two_rounds
from tests.trace.test_report import HOSTILE, page

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

FOCUSED = "return document.activeElement.querySelector('.name').textContent"
ROWS = "return [...document.querySelectorAll('.row .name')].map((one) => one.textContent)"
BAR = """
const row = [...document.querySelectorAll('.row')].find((one) => one.textContent.includes(%r));
const bar = row.querySelector('.track .t, .track .c').getBoundingClientRect();
const track = row.querySelector('.track').getBoundingClientRect();
return [(bar.left - track.left) / track.width, (bar.right - track.left) / track.width];
"""


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def opened(window: Browser, tmp_path: Path) -> Browser:
    """Two rounds, in a wide window."""
    return shown(window, two_rounds(), tmp_path)


def shown(window: Browser, trace: Trace, folder: Path, *problems: str) -> Browser:
    path = folder / "report.html"
    path.write_text(page(trace, folder, problems), "utf-8")
    window.resize(1280, 900)
    window.prefer("light")
    window.messages()
    window.open(path)
    return window


def bar(window: Browser, name: str) -> tuple[float, float]:
    left, right = window.run(BAR % name)
    return left, right


def test_the_tree_is_drawn_and_the_policy_is_kept(opened: Browser) -> None:
    assert opened.run(ROWS) == [
        "task 1",
        "organization 1",
        "task 2 · round 1",
        "organization 2",
        "organization 3",
        "task 3 · round 2",
        "organization 2",
        "organization 3",
    ]
    assert bar(opened, "task 3") == pytest.approx((0.5, 0.8), abs=0.01)
    assert opened.messages() == []


def test_everything_can_be_done_with_a_keyboard(opened: Browser) -> None:
    opened.run("document.body.focus()")
    for _ in range(20):
        opened.press("Tab")
        if opened.run("return document.activeElement.getAttribute('role')") == "row":
            break
    assert opened.run(FOCUSED) == "task 1"
    opened.press("ArrowDown", "ArrowDown")
    assert opened.run(FOCUSED) == "task 2 · round 1"
    opened.press("ArrowLeft")
    assert len(opened.run(ROWS)) == 6
    assert opened.run(FOCUSED) == "task 2 · round 1"
    assert opened.run("return document.activeElement.ariaExpanded") == "false"
    opened.press("ArrowRight", "ArrowRight", "ArrowDown")
    assert opened.run(FOCUSED) == "organization 3"
    opened.press("Enter")
    detail = opened.run("return document.querySelector('.detail').innerText")
    assert "organization 3 in task 2 · round 1" in detail
    assert "2.0 s" in detail
    assert opened.run("return document.activeElement.ariaSelected") == "true"
    opened.press("ArrowLeft", "ArrowLeft", "ArrowLeft")
    assert opened.run(FOCUSED) == "organization 1"
    opened.press("End")
    assert opened.run(FOCUSED) == "organization 3"
    opened.press("Home")
    assert opened.run(FOCUSED) == "task 1"


def test_zoom_by_keyboard_keeps_bars_where_their_times_are(opened: Browser) -> None:
    opened.run("document.querySelector('.row').focus()")
    opened.press("+")
    # The middle half: 2.5 s to 7.5 s of 10 s.
    assert bar(opened, "task 3")[0] == pytest.approx(0.5, abs=0.01)
    opened.press(">")
    assert bar(opened, "task 3") == pytest.approx((0, 0.6), abs=0.01)
    opened.press("-")
    assert bar(opened, "task 3") == pytest.approx((0.5, 0.8), abs=0.01)
    opened.press("End", "ArrowUp", "ArrowUp", "z")
    left, right = bar(opened, "task 3")
    assert (left, right) == pytest.approx((0.045, 0.955), abs=0.01)
    opened.press("0")
    assert bar(opened, "task 3") == pytest.approx((0.5, 0.8), abs=0.01)


def test_the_focused_row_is_seen(window: Browser, tmp_path: Path) -> None:
    trace = Trace()
    root = trace.algorithm(1, 1, 0, 100)
    for task in range(2, 30):
        created = trace.create(task, task, 2, who=(1, 1), parent=root)
        for organization in (2, 3):
            trace.run(task, organization, (task, task + 0.1, task + 0.5), parent=created)
    shown(window, trace, tmp_path)
    window.run("document.querySelector('.row').focus()")
    window.press("Enter", "End")
    row, detail = window.run(
        "return ['.row:focus', '.detail'].map("
        "(one) => document.querySelector(one).getBoundingClientRect().toJSON())"
    )
    assert row["top"] >= 0
    assert row["bottom"] <= detail["top"]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_any_ground(opened: Browser, width: int, scheme: str) -> None:
    opened.resize(width, 844)
    opened.prefer(scheme)
    assert opened.run("return document.documentElement.scrollWidth") <= width
    # WCAG 2.2, 1.4.3: text has a contrast of at least 4.5.
    assert opened.run(CONTRAST) == []


CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const rgba = (text) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = text;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const light = (color) => color.slice(0, 3).map((one) => one / 255)
  .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
  .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
const ground = (node) => {
  for (let one = node; one; one = one.parentElement) {
    const color = rgba(getComputedStyle(one).backgroundColor);
    if (color[3] === 255) return color;
  }
  return rgba(getComputedStyle(document.documentElement).getPropertyValue('--ground'));
};
const low = [];
for (const node of document.querySelectorAll('main *')) {
  const text = [...node.childNodes].filter((one) => one.nodeType === 3 && one.data.trim());
  if (!text.length || !node.checkVisibility() || node.closest('svg')) continue;
  const [a, b] = [light(rgba(getComputedStyle(node).color)), light(ground(node))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const isSign = node.matches('.star, .mark');
  if (ratio < (isSign ? 3 : 4.5)) low.push(`${node.className} ${text[0].data}: ${ratio}`);
}
return low;
"""


def test_hostile_text_runs_nothing(window: Browser, tmp_path: Path) -> None:
    trace = two_rounds()
    for _, span in trace.spans:
        for one in span["attributes"]:
            if "stringValue" in one["value"]:
                one["value"]["stringValue"] = HOSTILE
        span["name"] = span["name"] if span["name"] != "task.wait" else HOSTILE
    shown(window, trace, tmp_path, HOSTILE)
    assert window.messages() == []
    assert window.run("return document.querySelectorAll('img').length") == 0
    assert window.run("return document.querySelectorAll('script').length") == 2


def test_the_policy_would_stop_what_got_in(opened: Browser) -> None:
    opened.run("document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/' }))")
    opened.run(
        "const one = document.createElement('script'); one.textContent = 'window.in = 1';"
        "document.body.append(one)"
    )
    assert opened.run("return window.in === undefined") is True
    said = " ".join(str(one["message"]) for one in opened.messages())
    assert said.count("Content Security Policy") == 2


def test_a_large_job_opens_in_parts(window: Browser, tmp_path: Path) -> None:
    trace = Trace()
    root = trace.algorithm(1, 1, 0, 2000)
    for task in range(2, 502):
        created = trace.create(task, task, 2, who=(1, 1), parent=root)
        for organization in (2, 3):
            status = "crashed" if (task, organization) == (150, 3) else "completed"
            times = (task, task + 0.1, task + 0.5)
            trace.run(task, organization, times, status=status, parent=created)
    shown(window, trace, tmp_path)
    rows: list[Any] = window.run(ROWS)
    assert 200 <= len(rows) < 300
    # What failed is open at once, and the rest by a key.
    assert rows[rows.index("task 150 · round 149") + 2] == "organization 3"
    window.run("document.querySelector('.row').focus()")
    window.press("End", "Enter")
    assert len(window.run(ROWS)) > 400
