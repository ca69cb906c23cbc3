"""The ids of our spans."""

from __future__ import annotations

import random
import threading

import pytest
from opentelemetry.sdk.trace import TracerProvider

from v6client.telemetry.ids import RunSpanIds


def test_ids_are_random_whatever_the_algorithm_seeds() -> None:
    found = set()
    for _ in range(3):
        random.seed(42)
        ids = RunSpanIds()
        found |= {ids.generate_span_id(), ids.generate_trace_id()}
        # And the algorithm's numbers are the same with telemetry as without.
        assert random.random() == 0.6394267984578837  # noqa: S311 - no secret
    assert len(found) == 6
    assert RunSpanIds().is_trace_id_random()


def test_the_next_span_gets_the_id_and_no_other() -> None:
    ids = RunSpanIds()
    tracer = TracerProvider(id_generator=ids, shutdown_on_exit=False).get_tracer("test")
    elsewhere: list[int] = []
    with ids.next_span_id(0xABC):
        thread = threading.Thread(
            target=lambda: elsewhere.append(tracer.start_span("b").get_span_context().span_id)
        )
        thread.start()
        thread.join()
        first, second = (tracer.start_span("a").get_span_context().span_id for _ in range(2))
    with ids.next_span_id(0xDEF):
        pass  # nothing was started
    later = tracer.start_span("c").get_span_context().span_id
    assert first == 0xABC
    assert {second, later, *elsewhere}.isdisjoint({0xABC, 0xDEF})


def test_blocks_nest() -> None:
    ids = RunSpanIds()
    with ids.next_span_id(1):
        with ids.next_span_id(2):
            assert ids.generate_span_id() == 2
        assert ids.generate_span_id() == 1


def test_a_trace_that_begins_gets_the_id() -> None:
    ids = RunSpanIds()
    tracer = TracerProvider(id_generator=ids, shutdown_on_exit=False).get_tracer("test")
    ids.force_trace_id(0x123)
    assert [tracer.start_span("a").get_span_context().trace_id for _ in range(2)] == [0x123] * 2
    assert not ids.is_trace_id_random()
    ids.force_trace_id(None)
    assert tracer.start_span("a").get_span_context().trace_id != 0x123


@pytest.mark.parametrize("wrong", [0, -1, 2**64])
def test_what_is_no_span_id_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match="64 bits"), RunSpanIds().next_span_id(wrong):
        pass


@pytest.mark.parametrize("wrong", [0, -1, 2**128])
def test_what_is_no_trace_id_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match="128 bits"):
        RunSpanIds().force_trace_id(wrong)
