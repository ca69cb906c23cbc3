"""The retry budget: a client whose requests keep failing stops adding to the load."""

from __future__ import annotations

import threading


class RetryBudget:
    """A token bucket: retries take from it, successes give back.

    While most requests succeed there is always enough. When they all fail, the bucket is empty
    after ``capacity / cost`` retries, and each further request is tried once: a proxy that cannot
    keep up is not asked twice as often for it. Source: the retry quota of the AWS SDKs, and
    gRFC A6 of gRPC ("retry throttling").

    Parameters
    ----------
    capacity
        The tokens at the beginning, and the most there ever are.
    cost
        Taken by a retry.
    refund
        Given by a success.
    """

    def __init__(self, capacity: float, *, cost: float, refund: float) -> None:
        self._capacity = capacity
        self._cost = cost
        self._refund = refund
        self._tokens = float(capacity)
        self._lock = threading.Lock()

    @property
    def tokens(self) -> float:
        """How many tokens there are."""
        return self._tokens

    def withdraw(self) -> bool:
        """Take the cost of a retry; false, and nothing taken, where there is not enough."""
        with self._lock:
            if self._tokens < self._cost:
                return False
            self._tokens -= self._cost
            return True

    def deposit(self) -> None:
        """Give back for a success."""
        with self._lock:
            self._tokens = min(self._capacity, self._tokens + self._refund)
