# noqa: INP001 - a directory that algorithms are found in, not a package
"""Jobs of several tasks, as the tests of their traces need them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from v6client import AlgorithmClient, TaskFailed, algorithm_client


@algorithm_client
def tree(client: AlgorithmClient, organizations: list[int], levels: int) -> list[int]:
    """Two tasks at once at each level."""
    if levels == 0:
        return [client.organization_id]

    def one(number: int) -> list[int]:
        task = client.task.create(
            {"method": "tree", "args": [organizations, levels - 1]}, organizations, f"t {number}"
        )
        return list(chain.from_iterable(client.wait_for_results(task["id"])))

    with ThreadPoolExecutor(2) as pool:
        return list(chain.from_iterable(pool.map(one, range(2))))


@algorithm_client
def waits_twice(client: AlgorithmClient, organizations: list[int]) -> list[list[int]]:
    task = client.task.create({"method": "tree", "args": [[], 0]}, organizations)
    streamed = [one.value for one in client.as_completed(task["id"])]
    client.wait_for_results(task["id"])
    return streamed


@algorithm_client
def never_waits(client: AlgorithmClient, organizations: list[int]) -> int:
    return int(client.task.create({"method": "tree", "args": [[], 0]}, organizations)["id"])


@algorithm_client
def dies(client: AlgorithmClient, organizations: list[int]) -> None:
    """As a container does that is killed: nothing of it is exported."""
    client.task.create({"method": "tree", "args": [[], 0]}, organizations)
    os._exit(9)


@algorithm_client
def sees_a_crash(client: AlgorithmClient, organizations: list[int]) -> dict[int, str]:
    task = client.task.create({"method": "crash"}, organizations)
    try:
        client.wait_for_results(task["id"])
    except TaskFailed as error:
        return error.statuses
    raise AssertionError("it should have failed")


def crash() -> None:
    raise ValueError("canary-message")


class _Lines(SpanExporter):
    """An application's own exporter: a line a span."""

    def export(self, spans: object) -> SpanExportResult:
        assert isinstance(spans, (list, tuple))
        with Path(os.environ["OWN_SPANS"]).open("a") as file:
            for span in spans:
                assert isinstance(span, ReadableSpan)
                file.write((span.to_json(indent=None)) + "\n")
        return SpanExportResult.SUCCESS


@algorithm_client
def brings_a_provider(client: AlgorithmClient, organizations: list[int]) -> list[list[int]]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(_Lines()))
    trace.set_tracer_provider(provider)
    task = client.task.create({"method": "tree", "args": [[], 0]}, organizations)
    return client.wait_for_results(task["id"])
