"""The resource: who exports, as far as that may be told."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from opentelemetry.sdk.resources import Resource

from v6client.telemetry import schema
from v6client.telemetry.barrier import checked_attributes

# Metrics of all containers of one organization add up; an id of a process or a task would make
# each a series of its own.
_NOT_ON_METRICS: Final = frozenset({schema.SERVICE_INSTANCE, schema.TASK_ID})


def resource_of(
    who: Mapping[str, int], given: Mapping[str, str], *, foreign: bool
) -> tuple[Resource, Resource]:
    """Build the resource of spans and logs, and that of metrics.

    The SDK's own way, ``Resource.create``, is not taken: its detectors add the host's name and
    the command line.

    Parameters
    ----------
    who
        The container's ids, by attribute.
    given
        What the environment says; only keys of the schema's resource are taken.
    foreign
        Whether all of it is taken.
    """
    named = given if foreign else checked_attributes(given, schema.RESOURCE)
    attributes: dict[str, Any] = {
        schema.SERVICE_NAME: "v6client",
        **named,
        schema.SERVICE_INSTANCE: str(uuid.uuid4()),
        schema.SDK_NAME: "opentelemetry",
        schema.SDK_LANGUAGE: "python",
        schema.SDK_VERSION: version("opentelemetry-sdk"),
        **who,
    }
    rest = {key: value for key, value in attributes.items() if key not in _NOT_ON_METRICS}
    return Resource(attributes), Resource(rest)
