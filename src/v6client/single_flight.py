"""One call at a time: who comes meanwhile gets its answer, and waits no longer than it may."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Generic, TypeVar

from v6client.forks import renew_in_child

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Shares one call among the threads that want its answer at the same time.

    No lock is held while the call is under way.
    """

    def __init__(self) -> None:
        self._renew()
        renew_in_child(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._under_way: Future[T] | None = None

    def call(self, function: Callable[[], T], *, patience: float | None = None) -> T:
        """Call the function, or wait for the call that is under way.

        Parameters
        ----------
        function
            What to call.
        patience
            Seconds to wait for another thread's call; ``None`` for as long as it takes.

        Returns
        -------
        object
            What the call returned.

        Raises
        ------
        TimeoutError
            When another thread's call takes longer than the patience; else what the call raised.
        """
        with self._lock:
            answer = self._under_way
            if answer is None:
                mine: Future[T] = Future()
                self._under_way = mine
        if answer is not None:
            try:
                return answer.result(patience)
            except FutureTimeoutError:
                # In Python 3.10 not yet the built-in one.
                if answer.done():
                    raise
            raise TimeoutError("another call takes too long")
        try:
            mine.set_result(function())
        except BaseException as error:  # noqa: BLE001 - raised again below, in each thread
            mine.set_exception(error)
        with self._lock:
            self._under_way = None
        return mine.result()
