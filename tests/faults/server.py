"""A fault server: a vantage6 network behind a proxy on a real socket, that fails as it is told."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults.network import Network
from tests.peer import Answer, Received, _read, answer

Wanted = Callable[[Received], bool]
"""Tells the requests of an operation that a fault is for."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Call:
    """One request that a fault was put into."""

    server: FaultServer
    request: Received

    def carry_out(self) -> Answer:
        """Do what was asked, and give the right answer to it."""
        return self.server.right_answer(self.request)


Act = Callable[[Call], Answer]
"""Does something else than what was asked, or answers something else."""


def refused(call: Call) -> Answer:
    """Stand for a closed listener: the server knows this one, it is never called."""
    raise NotImplementedError(call)


def reset_at_once(call: Call) -> Answer:
    """Stand for a connection that is reset before anything was read: never called, either."""
    raise NotImplementedError(call)


@dataclass
class FaultServer:
    """The server of one trial.

    Parameters
    ----------
    act
        The fault.
    times
        How many requests, or connections, get it; ``None`` for all.
    wanted
        The requests that it is for.
    also_others
        Whether, from the first of them on, every request gets it.
    after
        The request that has to be answered before connections get it; ``None`` where they get it
        from the first on.
    before
        Another fault, put into each ``POST task`` first.
    """

    act: Act
    times: int | None
    wanted: Wanted
    also_others: bool = False
    after: Wanted | None = None
    before: Act | None = None
    network: Network = field(default_factory=Network)
    received: list[Received] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    hits: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._begun = False
        self._connections = self.act in {refused, reset_at_once}
        self._armed = self._connections and self.after is None
        self._listen()
        if self._armed and self.act is refused:
            self._close_listener()

    @property
    def posts(self) -> int:
        """How many ``POST task`` came."""
        return sum((one.method, one.path) == ("POST", "/task") for one in self.received)

    def right_answer(self, request: Received) -> Answer:
        """Carry out a request, and give the right answer to it."""
        status, body = self.network.answer(request)
        return answer(body, status)

    def was_refused(self) -> None:
        """Note that a connection was refused, which only the client can tell; listen again."""
        self.hits += 1
        if self.times is not None and self.hits >= self.times and self._armed:
            self._armed = False
            self._holder.listen(64)
            self._accept_on(self._holder)

    def stop(self) -> None:
        """Let all hanging connections go, and close everything."""
        self.release.set()
        for one in [self._holder, *self._open]:
            _close(one)

    def _listen(self) -> None:
        self._holder = socket.socket()
        self._holder.bind(("127.0.0.1", 0))
        # Only now: else the system might give us a port that another server holds.
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = self._holder.getsockname()[1]
        self._holder.listen(64)
        self._accept_on(self._holder)

    def _close_listener(self) -> None:
        """Refuse connections, and hold the port."""
        _close(self._holder)
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind(("127.0.0.1", self.port))

    def _accept_on(self, listener: socket.socket) -> None:
        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                if not self._is_reset(connection):
                    self._open.add(connection)
                    threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    def _is_reset(self, connection: socket.socket) -> bool:
        if not self._armed or self.act is not reset_at_once:
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        # Not before it was sent: a reset that overtakes it is a connection that never stood.
        with contextlib.suppress(OSError):
            connection.recv(1, socket.MSG_PEEK)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        connection.close()
        return True

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                while (request := _read(stream, 0)) is not None:
                    if not self._answer_to(request, connection)(connection):
                        return
        except (OSError, ValueError):
            pass  # the client went away, as some faults make it
        finally:
            self._open.discard(connection)

    def _answer_to(self, request: Received, connection: socket.socket) -> Answer:
        with self._lock:
            self.received.append(request)
            write = self._chosen(request)
            if self._connections and not self._begun and self.after and self.after(request):
                self._begun = self._armed = True
                if self.act is refused:
                    self._close_listener()
                # The next request needs a new connection.
                for other in self._open - {connection}:
                    _close(other)
                return _once(write)
            return write

    def _chosen(self, request: Received) -> Answer:
        if self._is_hit(request):
            self.hits += 1
            return self.act(Call(self, request))
        if self.before is not None and request.method == "POST":
            return self.before(Call(self, request))
        return self.right_answer(request)

    def _is_hit(self, request: Received) -> bool:
        if self._connections or (self.times is not None and self.hits >= self.times):
            return False
        if self.wanted(request):
            self._begun = True
            return True
        return self.also_others and self._begun


def _close(one: socket.socket) -> None:
    # shutdown, not close alone: it wakes an accept, or a read, that is under way.
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _once(write: Answer) -> Answer:
    """Answer, and close the connection."""

    def write_and_close(connection: socket.socket) -> bool:
        write(connection)
        return False

    return write_and_close


@contextmanager
def fault_server(server: FaultServer) -> Iterator[FaultServer]:
    """Stop a fault server in the end."""
    try:
        yield server
    finally:
        server.stop()
