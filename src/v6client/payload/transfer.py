"""What a person sees of a transfer: how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_INTERVAL: Final = 0.5


@dataclass(frozen=True, slots=True)
class Transfer:
    """How far an upload or download of a blob is.

    Parameters
    ----------
    direction
        ``upload`` or ``download``.
    done
        Bytes so far. It begins at 0 again where a fault makes the transfer begin again.
    total
        Bytes of the whole; ``None`` where that is not known, as of most downloads.
    is_complete
        Whether it is the last word on this transfer.
    """

    direction: str
    done: int
    total: int | None
    is_complete: bool = False


Progress = Callable[[Transfer], None]
"""Is told how far a transfer is, in the thread that waits for it; not again once it raised."""


class Meter:
    """Counts the bytes of a transfer, and tells of them now and then.

    Parameters
    ----------
    tell
        Whom; ``None`` for nobody.
    direction, total
        See :class:`Transfer`.
    now
        Monotonic seconds, to be replaced in tests.
    """

    def __init__(
        self,
        tell: Progress | None,
        direction: str,
        total: int | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._direction = direction
        self._total = total
        self._now = now
        self._told = now()
        self.done = 0

    def begin(self) -> None:
        """Begin again, at 0, with another attempt."""
        self.done = 0

    def count(self, size: int) -> None:
        """Count a part; tell at most twice a second."""
        self.done += size
        if self._now() - self._told >= _INTERVAL:
            self._told = self._now()
            self._say(Transfer(self._direction, self.done, self._total))

    def complete(self) -> None:
        """Tell the end: the other side has all of it, or this one."""
        self._say(Transfer(self._direction, self.done, self._total, is_complete=True))

    def _say(self, transfer: Transfer) -> None:
        if self._tell is None:
            return
        try:
            self._tell(transfer)
        except Exception:  # noqa: BLE001 - who only watches ends no transfer
            self._tell = None
