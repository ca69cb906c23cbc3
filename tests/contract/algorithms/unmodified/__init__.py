# It runs with vantage6's own tools, which are not in the environment of the checks.
# mypy: ignore-errors
"""An algorithm as it is written for vantage6: nothing in it knows of v6client."""

from .central import (
    average,
    children_in_threads,
    compare,
    describe,
    never_waits,
    positional,
    through_the_decorators_module,
    waits_twice,
    with_data_and_client,
)
from .partial import (
    partial_compare,
    partial_describe,
    partial_environment,
    partial_metadata,
    partial_sum,
    partial_who,
)

__all__ = [
    "average",
    "children_in_threads",
    "compare",
    "describe",
    "never_waits",
    "partial_compare",
    "partial_describe",
    "partial_environment",
    "partial_metadata",
    "partial_sum",
    "partial_who",
    "positional",
    "through_the_decorators_module",
    "waits_twice",
    "with_data_and_client",
]
