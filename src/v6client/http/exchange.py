"""One operation on the wire: its attempts, their telemetry, and the answer or the error."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from v6client.forks import renew_in_child
from v6client.http.address import Address
from v6client.http.body import size_of
from v6client.http.budget import RetryBudget
from v6client.http.diagnosis import Diagnosis
from v6client.http.failure import Failure
from v6client.http.outcome import Kind, Outcome
from v6client.http.request import Request
from v6client.http.retry import Effect, Ending, OperationClock, RetryPolicy
from v6client.http.transport import Transport
from v6client.settings import Settings
from v6client.telemetry import logs, metrics, schema, spans

_SHORTEST: Final = 0.001
_PROBE_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The successful answer to a request.

    Parameters
    ----------
    body
        The decoded JSON.
    headers
        The answer's headers.
    seconds
        How long the attempt took that gave it, the failed ones before it not counted.
    """

    body: Any
    headers: Mapping[str, str]
    seconds: float


class Exchange:
    """Carries out requests: transport, retries, diagnosis, spans, metrics and log lines.

    Parameters
    ----------
    address
        Where the API is.
    settings
        The numbers.
    probe
        Makes the small request by which the diagnosis tells an outage from a refusal.
    """

    def __init__(self, address: Address, settings: Settings, probe: Callable[[], Request]) -> None:
        self._address = address
        self._settings = settings
        self._probe = probe
        self._contacted = False
        self._server_attributes: dict[str, str | int] = {
            schema.SERVER_ADDRESS: address.server_name,
            schema.SERVER_PORT: address.server_port,
        }
        self._transport = Transport(
            address.url,
            connect_timeout=settings.connect_timeout,
            max_response_bytes=settings.max_response_bytes,
        )
        self._renew()
        renew_in_child(self._renew_in_child)

    def _renew_in_child(self) -> None:
        self._transport.drop()
        self._renew()

    def _renew(self) -> None:
        ours = self._settings
        budget = RetryBudget(ours.retry_budget, cost=ours.retry_cost, refund=ours.retry_refund)
        metrics.watch_budget(budget)
        self._retry = RetryPolicy(ours, budget)
        self._diagnosis = Diagnosis(self._ask)

    def perform(self, request: Request, *, operation: str | None, within: float | None) -> Answer:
        """Carry out a request with all the attempts that it takes.

        Parameters
        ----------
        request
            The request.
        operation
            The name of its span; ``None`` where it is a part of an operation that has one.
        within
            Seconds for all of it, outages included; ``None`` for the settings' limits alone.

        Returns
        -------
        Answer
            The successful answer.

        Raises
        ------
        RequestError
            When there is none; see :meth:`v6client.base.ClientBase.request`.
        """
        effect = Effect.READ if request.is_transfer else Effect.of(request.method)
        clock = self._clock(effect, within, is_transfer=request.is_transfer)
        with spans.operation(operation, {}) as span:
            settled = self._retry.run(
                lambda number, failures: self._diagnosed(
                    self._attempt(request, number, clock), failures + 1, effect, clock
                ),
                effect=effect,
                clock=clock,
                before_retry=lambda number, failed, delay: _tell_retry(
                    request, number, failed, delay
                ),
            )
            if settled.outcome.kind is Kind.MASKED and settled.ending is not Ending.SETTLED:
                # Time or budget ended it before the proxy's word was final: what was it about?
                final = self._settings.failed_attempts
                outcome = self._diagnosed(settled.outcome, final, effect, clock)
                settled = replace(settled, outcome=outcome)
            if operation is not None and settled.attempts > 1:
                span.set_attribute(schema.ATTEMPT_COUNT, settled.attempts)
            if settled.outcome.kind is Kind.SUCCESS:
                self._contacted = True
                final_attempt = settled.outcome
                return Answer(final_attempt.body, final_attempt.headers, final_attempt.seconds)
            logs.emit(
                schema.GIVEN_UP,
                **_fields(request, settled.attempts, settled.outcome),
                elapsed_s=round(clock.elapsed(), 3),
            )
            raise Failure(request, self._address.server, settled, clock.elapsed()).error()

    def close(self) -> None:
        """Close the kept connections; a later request opens new ones."""
        self._transport.close()

    def _attempt(self, request: Request, number: int, clock: OperationClock) -> Outcome:
        attributes: dict[str, str | int] = {
            schema.HTTP_METHOD: request.method,
            schema.URL_TEMPLATE: request.template,
            **self._server_attributes,
        }
        more = {schema.HTTP_RESEND_COUNT: number - 1} if number > 1 else {}
        size = size_of(request.body)
        if size is not None:
            more[schema.HTTP_REQUEST_SIZE] = size
        started = time.perf_counter()
        with spans.attempt(
            request.method,
            request.template,
            {**attributes, **more},
            only_failed=request.is_poll,
        ) as ended:
            outcome = self._transport.send(
                request,
                read_timeout=self._read_timeout(Effect.of(request.method)),
                within=max(_SHORTEST, clock.remaining()),
            )
            ended(status=outcome.status, size=outcome.size, error_type=outcome.error_type)
            seconds = time.perf_counter() - started
            outcome = replace(outcome, seconds=seconds)
            metrics.record_attempt(
                seconds,
                attributes,
                status=outcome.status,
                error_type=outcome.error_type,
                resend=number > 1,
            )
            logs.emit(
                schema.ATTEMPT, **_fields(request, number, outcome), duration_s=round(seconds, 6)
            )
        return outcome

    def _diagnosed(
        self, outcome: Outcome, failures: int, effect: Effect, clock: OperationClock
    ) -> Outcome:
        """Tell an outage behind the proxy from a refusal, once the proxy's word is final."""
        is_last = effect is Effect.WRITE or failures >= self._settings.failed_attempts
        if outcome.kind is not Kind.MASKED or not is_last:
            return outcome
        within = min(_PROBE_SECONDS, max(_SHORTEST, clock.remaining()))
        if self._diagnosis.server_answers(within):
            return outcome
        return replace(outcome, kind=Kind.OUTAGE)

    def _ask(self, within: float) -> bool:
        clock = self._clock(Effect.READ, within)
        return self._attempt(self._probe(), 1, clock).kind is Kind.SUCCESS

    def _clock(
        self, effect: Effect, within: float | None, *, is_transfer: bool = False
    ) -> OperationClock:
        ours = self._settings
        deadline = ours.request_deadline if effect is Effect.READ else ours.create_deadline
        deadline = ours.blob_deadline if is_transfer else deadline
        outage = ours.outage_budget if self._contacted else ours.first_contact_budget
        return OperationClock(
            deadline=deadline if within is None else min(deadline, within),
            outage_budget=outage if within is None else min(outage, within),
        )

    def _read_timeout(self, effect: Effect) -> float:
        ours = self._settings
        return ours.read_timeout if effect is Effect.READ else ours.post_read_timeout


def _tell_retry(request: Request, attempt: int, outcome: Outcome, delay: float) -> None:
    metrics.record_retry(request.method, request.template, outcome.kind.value)
    logs.emit(schema.RETRY, **_fields(request, attempt, outcome), delay_s=round(delay, 3))


def _fields(request: Request, attempt: int, outcome: Outcome) -> dict[str, object]:
    return {
        "method": request.method,
        "template": request.template,
        "attempt": attempt,
        "status_code": outcome.status,
        "error_type": outcome.error_type,
    }
