"""What is made anew in a forked child: nothing that asked for it is forgotten."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from v6client import forks


class Renewable:
    def __init__(self) -> None:
        self.renewed = 0
        forks.renew_in_child(self.renew)

    def renew(self) -> None:
        self.renewed += 1


def test_threads_that_ask_at_once_are_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, goes_on = threading.Event(), threading.Event()

    def slow() -> None:
        if not looks.is_set():
            looks.set()
            goes_on.wait(20)

    renewals: list[Any] = [slow]
    monkeypatch.setattr(forks, "_renewals", renewals)
    made: list[Renewable] = []
    # The first looks through what is there, and meanwhile the second comes.
    first, second = (threading.Thread(target=lambda: made.append(Renewable())) for _ in range(2))
    first.start()
    assert looks.wait(20)
    second.start()
    second.join(0.2)
    goes_on.set()
    for one in (first, second):
        one.join()
    forks._renew_all()
    assert [one.renewed for one in made] == [1, 1]


def test_what_is_gone_is_forgotten() -> None:
    for _ in range(100):
        Renewable()
    before = len(forks._renewals)
    kept = Renewable()
    # In the place of the last one that is gone.
    assert len(forks._renewals) == before
    forks._renew_all()
    assert kept.renewed == 1


def test_who_asks_for_more_while_it_is_renewed_makes_nobody_forgotten() -> None:
    class Owner(Renewable):
        def renew(self) -> None:
            super().renew()
            self.parts = Renewable()

    gone, owner, last = Renewable(), Owner(), Renewable()
    del gone
    forks._renew_all()
    assert (owner.renewed, last.renewed) == (1, 1)
