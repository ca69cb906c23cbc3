"""What a forked child must not share with its parent: sockets, and locks."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Final

_lock = threading.Lock()
_renewals: Final[list[weakref.WeakMethod[Callable[[], None]]]] = []


def renew_in_child(renew: Callable[[], None]) -> None:
    """Call a bound method in each child that this process forks, as long as its object lives.

    Parameters
    ----------
    renew
        Makes the object's sockets and locks anew, without touching the old ones.
    """
    with _lock:
        _renewals[:] = [one for one in _renewals if one() is not None]
        _renewals.append(weakref.WeakMethod(renew))


def _renew_all() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may have had it
    _lock = threading.Lock()
    # A copy: what is made anew may ask for the same, which changes the list.
    for reference in tuple(_renewals):
        renew = reference()
        if renew is not None:
            renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
