"""The fault matrix as a document; ``python -m tests.faults.document`` writes it.

It shows the rules. ``test_matrix.py`` holds the client to them, cell by cell, and this document to
the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

from tests.faults.faults import FAULTS, Fault
from tests.faults.operations import OPERATIONS, Operation
from tests.faults.rules import Outcomes, expected

T = TypeVar("T")

PATH: Final = Path(__file__).parents[2] / "docs" / "fault-matrix.md"

_INTRODUCTION: Final = """\
# The fault matrix

What comes of every operation under every fault. The matrix is generated, and each cell is tried
on a real socket three times: with the fault *once*, *three times* and *for ever*. A cell is
`value` (the right one) or the error that is raised; where the three differ, all are shown, in that
order. Everything ends within the operation's deadline. Operations, and faults, of which the same
comes are put together.

`python -m tests.faults.document` writes this page. `tests/faults/test_matrix.py` fails where the
client does something else.
"""

_NOTES: Final = """\
`TaskTimeout` is that of `wait_for_results(timeout=2)`: a failed poll is no news. An error of
`task.create` that leaves doubt says so, and has a `key` to go on with. Where the proxy's tries
created two or three tasks, one is adopted and the others are logged; everywhere else a success
leaves exactly one task at the server. A dash: that does not exist.
"""


def document() -> str:
    """Write the document."""
    parts = [_INTRODUCTION]
    columns = _grouped(FAULTS, lambda fault: tuple(_cell(one, fault) for one in OPERATIONS))
    rows = _grouped(OPERATIONS, lambda one: tuple(_cell(one, group[0]) for group in columns))
    names = [_letter(number) for number in range(len(rows))]
    parts.append("## The operations\n")
    parts.append(
        _table(
            ["", "operations"],
            (
                [f"**{name}**", ", ".join(f"`{one.name}`" for one in group)]
                for name, group in zip(names, rows, strict=True)
            ),
        )
    )
    parts.append("## What comes of them\n")
    parts.append(
        _table(
            ["fault", *names],
            (
                [
                    "; ".join(one.name for one in faults),
                    *(_cell(group[0], faults[0]) for group in rows),
                ]
                for faults in columns
            ),
        )
    )
    parts.append(_NOTES)
    return "\n".join(parts)


def _cell(operation: Operation, fault: Fault) -> str:
    outcomes = expected(operation, fault)
    return "-" if outcomes is None else _shown(outcomes)


def _shown(outcomes: Outcomes) -> str:
    if len(set(outcomes)) == 1:
        return f"`{outcomes[0]}`"
    return ", ".join(f"`{one}`" for one in outcomes)


def _grouped(items: Iterable[T], key: Callable[[T], tuple[str, ...]]) -> list[list[T]]:
    groups: dict[tuple[str, ...], list[T]] = {}
    for one in items:
        groups.setdefault(key(one), []).append(one)
    return list(groups.values())


def _letter(number: int) -> str:
    return chr(ord("A") + number)


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    PATH.write_text(document(), "utf-8")
