"""The runner: takes a node's runs from the server, starts them, reports what became of them."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from v6client.errors import EncryptionError
from v6client.sandbox.algorithm import work
from v6client.sandbox.node.environment import (
    Database,
    Files,
    container_variables,
    process_environment,
)
from v6client.sandbox.node.images import module_of
from v6client.sandbox.node.link import Refused, ServerLink, Stopped
from v6client.sandbox.node.process import AlgorithmProcess
from v6client.sandbox.secrecy import Secrecy
from v6client.sandbox.server import status

_log = logging.getLogger(__name__)

# A run of this method is marked active and left alone: whoever made it acts as its container.
HOLD_METHOD = "sandbox_hold"
# A run of this method has a duration and a result of a size but no process: a load test makes more
# runs than a machine can have processes.
PRETEND_METHOD = "sandbox_pretend"
_NO_CONTAINER = "Container failed. Check node logs for details"


@dataclass(frozen=True)
class Site:
    """What a node offers to algorithms."""

    directory: Path
    databases: Mapping[str, Database]
    algorithms: Mapping[str, str]
    algorithm_env: Mapping[str, str]
    python_path: Sequence[str]
    search_path: Sequence[str]
    entrypoint: Sequence[str]


class Runner:
    """Runs algorithms, each in a thread that waits for its process."""

    def __init__(self, link: ServerLink, site: Site, proxy_port: int, secrecy: Secrecy) -> None:
        self._link = link
        self._site = site
        self._secrecy = secrecy
        self._proxy_port = proxy_port
        self._lock = threading.Lock()
        self._known: set[int] = set()
        self._killed: set[int] = set()
        self._processes: dict[int, AlgorithmProcess] = {}
        self._stopped = False
        self.online = threading.Event()

    def serve(self) -> None:
        """Take work until the node stops."""
        with contextlib.suppress(Stopped):
            self._link.log_in()
            # The first question is not held: its answer says that the server knows of this node.
            self._take_all(self._link.next_work(self._known, wait=0))
            self.online.set()
            while True:
                with self._lock:
                    known = frozenset(self._known)
                self._take_all(self._link.next_work(known))

    def _take_all(self, work: Mapping[str, Any]) -> None:
        for run in work["start"]:
            with self._lock:
                self._known.add(run["id"])
            threading.Thread(target=self._take, args=(run,), daemon=True).start()
        for run_id in work["kill"]:
            self._kill(run_id)

    def stop(self) -> None:
        """Kill every algorithm, and start none any more."""
        with self._lock:
            self._stopped = True
            processes = list(self._processes.values())
        for process in processes:
            process.kill()

    def _kill(self, run_id: int) -> None:
        with self._lock:
            self._killed.add(run_id)
            # Not to be told again.
            self._known.discard(run_id)
            process = self._processes.get(run_id)
        if process:
            process.kill()

    def _take(self, run: Mapping[str, Any]) -> None:
        try:
            self._run(run)
        except Stopped:
            return
        except Refused as refusal:
            # A run that was killed or deleted takes no report, and is not handed out again.
            _log.info("run %s: %s", run["id"], refusal)
            with self._lock:
                self._known.discard(run["id"])

    def _run(self, run: Mapping[str, Any]) -> None:
        run_id, task = run["id"], run["task"]
        self._link.patch_run(run_id, {"started_at": utc_moment()})
        try:
            token = self._link.container_token(task["id"], task["image"])
        except Refused:
            # Not finished: the real node leaves it open as well.
            message = "Could not obtain algorithm container token"
            self._link.patch_run(run_id, {"status": status.FAILED, "log": message})
            return
        inputs = self._input_of(run)
        if _method(inputs) == HOLD_METHOD:
            self._link.patch_run(run_id, {"status": status.ACTIVE})
            return
        if _method(inputs) == PRETEND_METHOD:
            self._pretend(run, inputs)
            return
        process, problem = self._start(run, inputs, token)
        if process is None:
            # Reported twice, as the real node does: by the thread that starts and the one that
            # collects.
            self._link.patch_run(run_id, {"status": problem})
            self._report(run, problem, log=_NO_CONTAINER, result=b"")
            return
        # Refused when the run was just killed: its process ends, and the report is refused, too.
        with contextlib.suppress(Refused):
            self._link.patch_run(run_id, {"status": status.ACTIVE})
        code = process.wait()
        with self._lock:
            del self._processes[run_id]
        files = self._files(run)
        self._report(
            run,
            status.CRASHED if code else status.COMPLETED,
            log=files.log.read_bytes().decode(errors="replace"),
            result=files.output.read_bytes() if files.output.exists() else b"",
        )

    def _pretend(self, run: Mapping[str, Any], inputs: bytes) -> None:
        """Do as if an algorithm ran, in this thread."""
        wanted = json.loads(inputs).get("kwargs", {})
        self._link.patch_run(run["id"], {"status": status.ACTIVE})
        time.sleep(wanted.get("seconds", 0))
        result = json.dumps(work(0, wanted.get("size", 0))).encode()
        self._report(run, status.COMPLETED, log="", result=result)

    def _start(
        self, run: Mapping[str, Any], inputs: bytes, token: str
    ) -> tuple[AlgorithmProcess | None, str]:
        """Start a run's process; else say with which status it failed."""
        task = run["task"]
        module = module_of(task["image"], self._site.algorithms, self._site.search_path)
        if module is None:
            return None, status.NO_IMAGE
        files = self._files(run)
        try:
            _write_files(files, inputs, token)
            variables = container_variables(
                files=files,
                proxy_port=self._proxy_port,
                databases=self._site.databases,
                requested=task["databases"],
                algorithm_env=self._site.algorithm_env,
            )
            environment = process_environment(
                variables,
                module=module,
                home=files.directory,
                python_path=self._site.python_path,
            )
            with self._lock:
                if self._stopped:
                    raise Stopped
                process = AlgorithmProcess(files, self._site.entrypoint, environment)
                self._processes[run["id"]] = process
                killed = run["id"] in self._killed
        except (OSError, ValueError):
            _log.exception("run %s cannot be started", run["id"])
            return None, status.START_FAILED
        if killed:
            process.kill()
        return process, status.ACTIVE

    def _input_of(self, run: Mapping[str, Any]) -> bytes:
        text: str = run["input"]
        try:
            if not run["blob_storage_used"]:
                return self._secrecy.open(text)
            blob = self._link.fetch_blob(text)
            return b"".join(self._secrecy.open_parts([blob]))
        except (ValueError, EncryptionError, Refused):
            _log.exception("an input cannot be opened")
            # The algorithm gets it as it is, and will complain: so it does at the real node.
            return text.encode()

    def _report(self, run: Mapping[str, Any], outcome: str, *, log: str, result: bytes) -> None:
        public_key = ""
        if self._secrecy.is_on:
            public_key = self._link.public_key(run["task"]["init_org"]["id"])
        if run["blob_storage_used"]:
            blob = b"".join(self._secrecy.seal_parts([result], public_key))
            sealed = self._link.send_blob(blob)
        else:
            sealed = self._secrecy.seal(result, public_key)
        changes = {
            "result": sealed,
            "log": log,
            "status": outcome,
            "finished_at": utc_moment(),
        }
        self._link.patch_run(run["id"], changes)
        # It is finished for the server, too: it will not be handed out again.
        with self._lock:
            self._known.discard(run["id"])

    def _files(self, run: Mapping[str, Any]) -> Files:
        return Files(
            directory=self._site.directory / "runs" / f"task-{run['id']:09d}",
            temporary=self._site.directory / "jobs" / f"job-{run['task']['job_id']}",
        )


def _write_files(files: Files, inputs: bytes, token: str) -> None:
    for directory in (files.directory, files.temporary):
        directory.mkdir(parents=True, exist_ok=True)
    for path, content in (
        (files.input, inputs),
        (files.output, b""),
        (files.token, token.encode()),
    ):
        path.write_bytes(content)


def _method(inputs: bytes) -> object:
    try:
        document = json.loads(inputs)
    except ValueError:
        return None
    return document.get("method") if isinstance(document, dict) else None


def utc_moment() -> str:
    """Give the time as nodes report it."""
    # Always with a fraction: without one the real server refuses the time.
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")
