# It runs in vantage6's own environment, whose packages carry no types.
# mypy: ignore-errors
"""Python 3.10's formatting of enumerations, which vantage6 4 relies on.

Its server looks permissions up by ``f"{operation}_{scope}"``. Since Python 3.11 that is
``Operation.VIEW_Scope.GLOBAL`` instead of ``v_glo`` for ``class Operation(str, Enum)``, so nodes
get an error 500 for their collaboration and runs. The official images are of Python 3.10.
"""

from __future__ import annotations

import enum


def format_as_in_python_310() -> None:
    """Let every string enumeration of vantage6 that is imported format as its value."""
    waiting = [enum.Enum]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if issubclass(kind, str) and kind.__module__.startswith("vantage6."):
            kind.__format__ = lambda member, spec: format(member.value, spec)
