"""What earlier tasks of the same kind took, as far as this process saw it."""

from __future__ import annotations

import math
import re
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Final, NamedTuple

from v6client.forks import renew_in_child
from v6client.tasks.aim import Aim, Interval

ENOUGH: Final = 5
"""So many finished tasks of a kind are needed before polls aim at their durations."""

_DIGITS: Final = re.compile(r"\d+")


class Kind(NamedTuple):
    """Tasks that are expected to take about as long. Only ever kept in memory."""

    name: str
    method: str


def kind_of(name: str, input_: object) -> Kind:
    """Tell which kind a task is: its name without the digits, and the method of its input.

    Rounds count in their names ("newton 1", "fold 3 of 10"), so digits do not tell kinds apart.
    Two kinds that fall together by that, as "stage 1" and "stage 2" of one method, have two modes,
    which an aim copes with.

    Parameters
    ----------
    name
        The task's name.
    input_
        Its input; what is not a mapping with a ``method`` has none.

    Returns
    -------
    Kind
        The kind.
    """
    method = input_.get("method") if isinstance(input_, Mapping) else None
    return Kind(_DIGITS.sub("#", name), method if isinstance(method, str) else "")


class History:
    """The last durations of each kind. May be shared by threads.

    Parameters
    ----------
    kinds
        The most kinds that are kept; the one not used for longest goes.
    kept
        The most durations that are kept of a kind; the oldest goes, so that what has changed is
        found out.
    """

    def __init__(self, *, kinds: int = 256, kept: int = 20) -> None:
        self._most_kinds = kinds
        self._kept = kept
        self._durations: OrderedDict[Kind, deque[Interval]] = OrderedDict()
        self._aims: dict[Kind, Aim] = {}
        self._renew()
        renew_in_child(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def record(self, kind: Kind, low: float, high: float) -> None:
        """Note how long a task took that completed, waited for since its creation.

        A task that failed says nothing of those that do not, and one that had finished before
        anybody asked says nothing at all: leave them out.

        Parameters
        ----------
        kind
            See :func:`kind_of`.
        low, high
            Seconds from its creation to the start of the last poll that found it open, 0 for none,
            and to the end of the first that found it finished. Both the same where the duration is
            known. Taken as they are: how the duration is distributed in between is estimated from
            all that is known of the kind, see :class:`~v6client.tasks.aim.Aim`. What makes no
            sense (low above high, nothing above 0) is left out.
        """
        if not 0 <= low <= high < math.inf or high == 0:
            return
        with self._lock:
            durations = self._durations.setdefault(kind, deque(maxlen=self._kept))
            self._durations.move_to_end(kind)
            # Found finished at the first poll, before any was aimed: somebody came late.
            if low > 0 or len(durations) >= ENOUGH:
                durations.append((low, high))
                self._aims.pop(kind, None)
            while len(self._durations) > self._most_kinds:
                forgotten, _ = self._durations.popitem(last=False)
                self._aims.pop(forgotten, None)

    def durations(self, kind: Kind) -> tuple[Interval, ...]:
        """Give the intervals that are kept of a kind, the oldest first."""
        with self._lock:
            return tuple(self._durations.get(kind, ()))

    def aim(self, kind: Kind) -> Aim | None:
        """Give what to aim at; ``None`` while fewer than :data:`ENOUGH` have finished.

        Runs of the same task tell nothing of each other: those that began together with one that
        is still open have been outlived by it.

        Parameters
        ----------
        kind
            See :func:`kind_of`.

        Returns
        -------
        Aim or None
            For :class:`v6client.tasks.polling.Schedule`.
        """
        with self._lock:
            known = self._durations.get(kind, ())
            if len(known) < ENOUGH:
                return None
            self._durations.move_to_end(kind)
            if kind not in self._aims:
                self._aims[kind] = Aim(list(known))
            return self._aims[kind]
