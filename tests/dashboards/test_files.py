"""The committed JSON is what the code gives, and what Grafana reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.dashboards import typescript

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "dashboards"
BOARDS: Final = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.json"))}

pytestmark = pytest.mark.skipif(not BOARDS, reason="dashboards are in the source folder alone")


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, text in BOARDS.items():
        for panel in json.loads(text)["panels"]:
            yield name, panel


def everywhere(value: Any, key: str) -> Iterator[Any]:
    """Give what is under a key, at any depth."""
    if isinstance(value, dict):
        for name, below in value.items():
            if name == key:
                yield below
            yield from everywhere(below, key)
    if isinstance(value, list):
        for below in value:
            yield from everywhere(below, key)


# The SDK would rather have the next version of the schema, which Grafana 12.1 does not import.
@pytest.mark.filterwarnings("ignore:Prefer using dashboardv2:DeprecationWarning")
def test_the_files_are_what_the_code_gives() -> None:
    reason = "grafana-foundation-sdk needs Python 3.11"
    pytest.importorskip("grafana_foundation_sdk", reason=reason)
    from dashboards.files import documents  # noqa: PLC0415 - it needs the SDK

    assert documents() == BOARDS


@pytest.mark.skipif(
    not typescript.is_installed(),
    reason="no Grafana types; get them with: python -m tests.dashboards.typescript",
)
class TestTypes:
    @pytest.mark.parametrize("name", BOARDS)
    def test_grafanas_types_have_all_of_it(self, name: str) -> None:
        document = json.loads(BOARDS[name])
        options = [
            (panel["type"], json.dumps(panel["options"]))
            for panel in document["panels"]
            if "options" in panel
        ]
        assert options
        fields = [
            (panel["type"], json.dumps(panel["fieldConfig"]["defaults"]["custom"]))
            for panel in document["panels"]
            if "custom" in panel.get("fieldConfig", {}).get("defaults", {})
        ]
        assert typescript.errors_of(name, BOARDS[name], options, fields) == []
        assert unknown(document) == []

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ('"schemaVersion": 42', '"schemaVersion": "42"'),
            ('"fieldConfig"', '"fieldconfig"'),
            ('"mode": "absolute"', '"mode": "absolut"'),
            ('"includeAll"', '"auto": false, "includeAll"'),
        ],
    )
    def test_what_they_do_not_have_is_found(self, before: str, after: str) -> None:
        text = BOARDS["collaboration.json"]
        assert before in text
        assert typescript.errors_of("wrong", text.replace(before, after, 1), []) != []

    @pytest.mark.parametrize(
        ("kind", "custom"),
        [("timeseries", '{"drawStyle": "barz"}'), ("table", '{"cellOptions": {"type": "colour"}}')],
    )
    def test_a_field_that_a_panel_does_not_have_is_found(self, kind: str, custom: str) -> None:
        assert typescript.errors_of("wrong", BOARDS["job.json"], [], [(kind, custom)])

    def test_an_option_that_a_panel_does_not_have_is_found(self) -> None:
        assert typescript.errors_of("wrong", BOARDS["job.json"], [("stat", '{"graphmode": 1}')])


# What Grafana's types leave open: the keys of queries, and of what is overridden.
TARGETS: Final = {
    "prometheus": {"datasource", "expr", "format", "instant", "legendFormat", "range", "refId"},
    "jaeger": {"datasource", "limit", "query", "queryType", "refId", "service", "tags"},
}
OVERRIDES: Final = {"displayName", "unit", "decimals", "thresholds", "color", "links"}
CELLS: Final = ({"type": "color-background", "mode": "basic"},)


def unknown(document: dict[str, Any]) -> list[str]:
    """Say what of queries and overrides Grafana does not know."""
    faults = []
    for panel in document["panels"]:
        known = TARGETS[panel["datasource"]["type"]]
        for target in panel["targets"]:
            faults += [key for key in target if key not in known]
            faults += [key for key in ("refId", "datasource") if key not in target]
        for override in panel.get("fieldConfig", {}).get("overrides", []):
            for one in override["properties"]:
                cell = one["id"] == "custom.cellOptions" and one["value"] in CELLS
                faults += [] if cell or one["id"] in OVERRIDES else [str(one)]
    return faults


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"refId": "A"', '"refid": "A"'),
        ('"instant": true', '"instand": true'),
        ('"id": "displayName"', '"id": "displayname"'),
        ('"type": "color-background"', '"type": "colour-background"'),
    ],
)
def test_what_the_types_leave_open_is_looked_at(before: str, after: str) -> None:
    text = BOARDS["collaboration.json"]
    assert unknown(json.loads(text)) == []
    assert before in text
    assert unknown(json.loads(text.replace(before, after, 1))) != []


def test_there_are_four_questions() -> None:
    documents = [json.loads(text) for text in BOARDS.values()]
    assert len(documents) == 4
    assert all(one["title"].endswith("?") and one["description"] for one in documents)
    assert all(
        one["uid"] == f"v6client-{name[:-5]}" for name, one in zip(BOARDS, documents, strict=True)
    )
    assert {one["schemaVersion"] for one in documents} == {42}


def test_each_panel_says_what_to_do_and_has_a_unit() -> None:
    for name, panel in panels():
        assert len(panel["description"]) > 60, (name, panel["title"])
        if panel["type"] in {"stat", "timeseries"}:
            assert panel["fieldConfig"]["defaults"]["unit"], (name, panel["title"])
        if panel["type"] == "timeseries":
            assert all(target["legendFormat"] for target in panel["targets"])


def test_no_two_panels_have_a_title() -> None:
    for name, text in BOARDS.items():
        titles = [panel["title"] for panel in json.loads(text)["panels"]]
        assert len(titles) == len(set(titles)), name


def test_panels_fill_the_grid_and_do_not_overlap() -> None:
    for name, text in BOARDS.items():
        taken: set[tuple[int, int]] = set()
        boxes = [panel["gridPos"] for panel in json.loads(text)["panels"]]
        for box in boxes:
            cells = {
                (x, y)
                for x in range(box["x"], box["x"] + box["w"])
                for y in range(box["y"], box["y"] + box["h"])
            }
            assert not cells & taken, name
            taken |= cells
        assert len(taken) == 24 * max(box["y"] + box["h"] for box in boxes), name


def test_every_link_leads_somewhere() -> None:
    uids = {json.loads(text)["uid"]: json.loads(text) for text in BOARDS.values()}
    urls = {url for text in BOARDS.values() for url in everywhere(json.loads(text), "url")}
    inside = [found for url in urls if (found := re.match(r"/d/([\w-]+)\?(.*)", url))]
    assert {found[1] for found in inside} == {"v6client-job", "v6client-proxy"}
    for found in inside:
        assert set(re.findall(r"var-(\w+)=", found[2])) <= variables(uids[found[1]])
    assert {url for url in urls if not url.startswith("/d/")} == {
        "/alerting/list?search=v6client",
        "${store}/trace/${__value.raw}",
    }


def variables(document: dict[str, Any]) -> set[str]:
    return {one["name"] for one in document["templating"]["list"]}


def test_a_link_carries_what_was_chosen() -> None:
    uids = {json.loads(text)["uid"]: json.loads(text) for text in BOARDS.values()}
    for document in uids.values():
        for url in everywhere(document["panels"], "url"):
            if found := re.match(r"/d/([\w-]+)\?(.*)", url):
                both = variables(document) & variables(uids[found[1]])
                given = set(re.findall(r"var-(\w+)=", found[2]))
                carried = set(re.findall(r"\$\{(\w+):queryparam\}", found[2]))
                assert carried == both - given, url


def test_what_has_no_value_is_neither_good_nor_bad() -> None:
    scales = [steps for text in BOARDS.values() for steps in everywhere(json.loads(text), "steps")]
    assert scales
    for steps in scales:
        assert (steps[0]["value"], steps[0]["color"]) in {(None, "text"), (None, "transparent")}


def test_every_document_that_is_named_is_there() -> None:
    named = {
        found
        for text in BOARDS.values()
        for found in re.findall(r"docs/[\w-]+\.md(?:#[\w-]+)?", text)
    }
    assert any("runbooks.md#" in one for one in named)
    for one in named:
        path, _, anchor = one.partition("#")
        text = (ROOT / path).read_text("utf-8")
        heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        assert not anchor or anchor in {head.lower().replace(" ", "-") for head in heads}, one


def test_all_variables_that_are_used_are_there() -> None:
    for name, text in BOARDS.items():
        document = json.loads(text)
        there = {one["name"] for one in document["templating"]["list"]}
        used = {
            found[0] or found[1]
            for found in re.findall(r"\$(?:(\w+)|\{(\w+)[}:])", json.dumps(document["panels"]))
        }
        assert {one for one in used if not one.startswith("__")} <= there, name


def test_the_provisioned_folder_has_dashboards_alone() -> None:
    # Grafana reads each JSON file of the folder as a dashboard.
    assert {path.name for path in FOLDER.rglob("*.json")} == set(BOARDS)
