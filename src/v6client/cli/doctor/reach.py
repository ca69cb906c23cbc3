"""What is checked over the network: proxy, server, the token's rights, the clocks."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from v6client.cli.doctor.check import Check, bad, doubtful, good
from v6client.container.environment import ContainerEnvironment
from v6client.errors import ConfigurationError
from v6client.http import shapes
from v6client.http.address import Address
from v6client.http.outcome import Kind, Outcome
from v6client.http.request import build
from v6client.http.transport import Transport
from v6client.identity import Identity

_CONNECT: Final = 5.0
_READ: Final = 15.0
_LONGEST: Final = 2**22
_VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})[0-9A-Za-z.+-]{0,20}")
_OLDEST, _NEWEST = (4, 9), (4, 15)
# A Date header has whole seconds.
_SKEW, _LARGE_SKEW = 2.0, 60.0
_UNAUTHORIZED: Final = 401

_NODE: Final = "node's proxy"
_SERVER: Final = "server"
_CLOCK: Final = "clocks"
_RIGHTS: Final = "rights"

_ADVICE: Final[Mapping[str, str]] = {
    "connection_refused": "Nobody listens there. Is it running, and is the port right?",
    "name_resolution": "The name has no address. In a container, HOST is an alias in its network.",
    "connect_timeout": "No answer to a connection. Does a firewall stand between?",
    "read_timeout": "The proxy serves one request at a time: another container may keep it busy.",
    "tls": "The certificate is not accepted. REQUESTS_CA_BUNDLE names the file of another CA.",
}
_OTHER: Final = "Look at the node's log."

Ask = Callable[[str, Mapping[str, object]], Outcome]


def check_container(
    environment: ContainerEnvironment, identity: Identity | None, token: str
) -> Iterator[Check]:
    """Check what a container can reach, and may do."""
    try:
        address = Address.of(environment["HOST"], environment["PORT"], environment["API_PATH"])
        transport = Transport(address.url, connect_timeout=_CONNECT, max_response_bytes=_LONGEST)
    except (ConfigurationError, ValueError):
        yield bad(
            _NODE,
            "HOST, PORT and API_PATH are no address",
            "The node sets them: HOST with http://, PORT a number, API_PATH empty or a path.",
        )
        return
    try:
        yield from _checks(_asking(transport, token), _NODE, identity, token)
    finally:
        transport.close()


def check_server(host: str, path: str) -> Iterator[Check]:
    """Check a server, as a laptop reaches it."""
    try:
        address = Address.of(host, None, path)
        transport = Transport(address.url, connect_timeout=_CONNECT, max_response_bytes=_LONGEST)
    except (ConfigurationError, ValueError):
        yield bad(_SERVER, "--server is no address", "Write it as https://server.example/api.")
        return
    try:
        yield from _checks(_asking(transport, ""), _SERVER, None, "")
    finally:
        transport.close()


def _asking(transport: Transport, token: str) -> Ask:
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(endpoint: str, params: Mapping[str, object]) -> Outcome:
        request = build(endpoint, "get", None, params, headers, shapes.json_object)
        return transport.send(request, read_timeout=_READ, within=_READ)

    return ask


def _checks(ask: Ask, place: str, identity: Identity | None, token: str) -> Iterator[Check]:
    began = time.time()
    outcome = ask("version", {})
    ended = time.time()
    yield reached(outcome, place, ended - began)
    if outcome.kind is Kind.SUCCESS:
        yield version_found(outcome.body.get("version"))
    if outcome.status is not None:
        yield clock_found(outcome.headers.get("Date"), (began + ended) / 2)
    if identity is not None and token and outcome.kind is Kind.SUCCESS:
        yield rights_found(
            {
                what: ask(endpoint, params)
                for what, endpoint, params in (
                    ("task", f"task/{identity.task_id}", {}),
                    ("organization", f"organization/{identity.organization_id}", {}),
                    ("collaboration", f"collaboration/{identity.collaboration_id}", {}),
                    # A page beyond the end has no rows: they would hold inputs.
                    ("runs", "run", {"task_id": identity.task_id, "per_page": 1, "page": 99999}),
                )
            }
        )


def reached(outcome: Outcome, place: str, seconds: float) -> Check:
    """Say whether the other side answered."""
    if outcome.kind is Kind.SUCCESS:
        return good(place, f"answers in {seconds * 1000:.0f} ms")
    if outcome.kind is Kind.MASKED:
        return bad(
            place,
            "answers, but has no answer from the server",
            "The node's proxy cannot reach the server. Look at the node's log; the node's machine "
            "has to reach the server.",
        )
    if outcome.status is not None:
        return bad(
            place,
            f"something answers with HTTP {outcome.status}, but not as vantage6 does",
            "Is it another program's port, or is the path of the API missing or wrong?",
        )
    advice = _ADVICE.get(outcome.error_type, _OTHER)
    return bad(place, f"not reached: {outcome.error_type.replace('_', ' ')}", advice)


def version_found(version: object) -> Check:
    """Say whether the server's version is one that this client is tested with."""
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if found is None:
        return doubtful("version", "the server does not say its version", "Is it vantage6?")
    tested = f"{_OLDEST[0]}.{_OLDEST[1]} to {_NEWEST[0]}.{_NEWEST[1]}"
    if not _OLDEST <= (int(found[1]), int(found[2])) <= _NEWEST:
        return doubtful(
            "version",
            f"vantage6 {found[0]}",
            f"This client is tested with {tested}. It may work; run 'make contract' against it.",
        )
    return good("version", f"vantage6 {found[0]}")


def clock_found(date: str | None, now: float) -> Check:
    """Compare the answer's clock with this one."""
    try:
        skew = parsedate_to_datetime(date or "").timestamp() - now
    except (TypeError, ValueError, OverflowError):
        return doubtful(
            _CLOCK, "the answer has no time", "Compare the clocks of node and server by hand."
        )
    # It was cut to a whole second.
    skew = 0.0 if -1.0 <= skew <= 0.0 else skew
    text = f"this one and the server's are {abs(skew):.0f} s apart"
    advice = "Have both clocks set (NTP): the queue times of runs are wrong by that."
    if abs(skew) > _LARGE_SKEW:
        return bad(_CLOCK, text, advice)
    if abs(skew) > _SKEW:
        return doubtful(_CLOCK, text, advice)
    return good(_CLOCK, "this one and the server's agree to the second or two")


def rights_found(outcomes: Mapping[str, Outcome]) -> Check:
    """Say what the token allows, by what it was given."""
    may = [what for what, outcome in outcomes.items() if outcome.kind is Kind.SUCCESS]
    not_ = [what for what in outcomes if what not in may]
    # What a container may, and may not, do besides: the rules of vantage6 4.
    rest = "subtasks of its own image; it may kill and delete none"
    if not not_:
        return good(_RIGHTS, f"may read its {', '.join(may)}, and may create {rest}")
    if outcomes["task"].status == _UNAUTHORIZED or "task" in not_:
        return bad(
            _RIGHTS,
            f"may not read its own {', '.join(not_)}",
            "The server does not accept this token: the task may be over, deleted, or of another "
            "server. Start the task again.",
        )
    return doubtful(
        _RIGHTS,
        f"may read its {', '.join(may)}, but not its {', '.join(not_)}",
        "The server's rules are others than vantage6's own.",
    )
