"""The entry of an algorithm container: environment, input, call, output."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from opentelemetry import context as context_api

from v6client._version import __version__
from v6client.container.environment import ContainerEnvironment, decode_in_place
from v6client.container.installation import install
from v6client.container.job_context import join_trace
from v6client.container.signals import STATUS, Terminated, leave, terminable
from v6client.errors import ConfigurationError, InvalidArgument, ResultError, V6ClientError
from v6client.identity import Identity
from v6client.payload.codec import encode_json
from v6client.telemetry import bootstrap, logs, metrics, schema, spans
from v6client.telemetry.otel_variables import PROVIDERS


class _AlgorithmFailed(Exception):  # noqa: N818 - ends the process, never seen outside
    """The algorithm raised: its traceback is written already."""

    def __init__(self, error_type: str) -> None:
        super().__init__(error_type)
        self.error_type = error_type


def wrap_algorithm(log_traceback: bool = True) -> None:
    """Run the algorithm that this container was started for; what ``python -m v6client`` does.

    It decodes the environment, sees to it that an algorithm written for vantage6's own client
    gets ours (:func:`v6client.install`), imports the module ``PKG_NAME``, reads the input from
    ``INPUT_FILE`` (JSON: ``method``, ``args``, ``kwargs``), calls the method, and writes its
    result as JSON to ``OUTPUT_FILE``. Standard output and error become the run's log, which the
    researcher reads.

    Parameters
    ----------
    log_traceback
        Whether the traceback of an error in the algorithm is written to standard error. Set it
        to false where messages may contain data; then only the error's class is told.

    Raises
    ------
    SystemExit
        With status 1 when anything failed: the run counts as crashed then. After SIGTERM and
        Ctrl-C the process ends at once, with 143 and 130.
    """
    # It brings structlog along, which who only imports v6client does not need.
    from v6client.telemetry import log_output  # noqa: PLC0415

    decode_in_place(os.environ)
    settings, wrong = bootstrap.settings_of(os.environ)
    wrong += [name for name in PROVIDERS if os.environ.pop(name, None) is not None]
    log_output.configure(level=settings.log_level)
    bootstrap.tell_wrong(wrong)
    install()
    environment = ContainerEnvironment.of(os.environ)
    identity = _identity(environment)
    if identity is not None:
        logs.bind_run(task_id=identity.task_id, organization_id=identity.organization_id)
    bootstrap.start(
        settings,
        os.environ,
        who=_resource(identity),
        folder=environment.variables.get("TEMPORARY_FOLDER") or tempfile.gettempdir(),
    )
    run = _Run(environment, identity, log_traceback=log_traceback)
    try:
        with terminable(run.end):
            status = run.carry_out()
    except (Terminated, KeyboardInterrupt) as late:
        # It came when the run's last line was written already.
        status = STATUS[type(late)]
    with contextlib.suppress(KeyboardInterrupt):
        bootstrap.stop()
    if status in STATUS.values():
        leave(status)
    if status:
        sys.exit(status)


def _identity(environment: ContainerEnvironment) -> Identity | None:
    """Say who this container is; nothing where the token cannot be read."""
    try:
        return Identity.of(environment.read("TOKEN_FILE").strip())
    except ConfigurationError:
        return None


def _resource(identity: Identity | None) -> dict[str, int]:
    """Say in the resource of telemetry whose container this is."""
    if identity is None:
        return {}
    return {
        schema.COLLABORATION_ID: identity.collaboration_id,
        schema.ORGANIZATION_ID: identity.organization_id,
        schema.NODE_ID: identity.node_id,
        schema.TASK_ID: identity.task_id,
    }


class _Run:
    """The run of this container: its first and its last log line, and what is between.

    Parameters
    ----------
    environment, identity
        What the container was given, and who it is.
    log_traceback
        As :func:`wrap_algorithm` takes it.
    """

    def __init__(
        self,
        environment: ContainerEnvironment,
        identity: Identity | None,
        *,
        log_traceback: bool,
    ) -> None:
        self._environment = environment
        self._identity = identity
        self._log_traceback = log_traceback
        self._has_joined = False
        self._began = time.monotonic()
        self._who: dict[str, int] = {}
        self._node: dict[str, int] = {}
        if identity is not None:
            self._who = {
                "task_id": identity.task_id,
                "organization_id": identity.organization_id,
            }
            self._node = {"node_id": identity.node_id}

    def carry_out(self) -> int:
        """Do all of it, in the context of the run's span, and give the exit status."""
        token = context_api.attach(context_api.get_current())
        try:
            return self._carry_out()
        finally:
            context_api.detach(token)

    def _join_trace(self) -> None:
        """Let what comes now be under the run's span, once there is somewhere to export to."""
        if self._has_joined or not bootstrap.is_exporting():
            return
        self._has_joined = True
        context = join_trace(self._environment, self._identity)
        if context is not None:
            context_api.attach(context)

    def _carry_out(self) -> int:
        try:
            self._join_trace()
            logs.emit(schema.RUN_STARTED, **self._who, **self._node, version=__version__)
            size = self._output()
        except (Terminated, KeyboardInterrupt) as error:
            self._tell_failure(type(error).__name__)
            return STATUS[type(error)]
        except _AlgorithmFailed as error:
            self._tell_failure(error.error_type)
            return 1
        except V6ClientError as error:
            print(f"error > {error}", file=sys.stderr)  # noqa: T201 - the run's log
            self._tell_failure(type(error).__name__)
            return 1
        logs.emit(
            schema.RUN_FINISHED,
            **self._who,
            duration_s=round(time.monotonic() - self._began, 3),
            **metrics.tally.numbers(),
            result_bytes=size,
        )
        return 0

    def end(self) -> None:
        """End a run that was terminated, from another thread: its log line, and its telemetry."""
        self._tell_failure(Terminated.__name__)
        bootstrap.stop()

    def _tell_failure(self, error_type: str) -> None:
        logs.emit(
            schema.RUN_FAILED,
            **self._who,
            duration_s=round(time.monotonic() - self._began, 3),
            **metrics.tally.numbers(),
            error_type=error_type,
        )

    def _output(self) -> int:
        """Call the algorithm and write its output; its length in bytes."""
        environment, log_traceback = self._environment, self._log_traceback
        output_file = Path(environment["OUTPUT_FILE"])
        method, args, kwargs = _input_of(environment)
        function = _function(environment["PKG_NAME"], method, log_traceback=log_traceback)
        # The module may have brought a provider of its own.
        self._join_trace()
        try:
            attributes = _attributes(self._who | self._node)
            with (
                spans.operation(schema.ALGORITHM, attributes) as span,
                spans.for_all_threads(span),
            ):
                result = function(*args, **kwargs)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an algorithm raises
            # Also sys.exit(0): a run without a result has failed.
            if log_traceback:
                traceback.print_exc()
            raise _AlgorithmFailed(type(error).__name__) from None
        encoded = _encoded(result)
        _write(output_file, encoded)
        return len(encoded)


def _attributes(who: dict[str, int]) -> dict[str, int]:
    names = {
        "task_id": schema.TASK_ID,
        "organization_id": schema.ORGANIZATION_ID,
        "node_id": schema.NODE_ID,
    }
    return {names[key]: value for key, value in who.items()}


def _encoded(result: object) -> bytes:
    try:
        return encode_json(result, what="the result")
    except InvalidArgument as error:
        message = str(error)
    raise ResultError(message)


def _write(output_file: Path, encoded: bytes) -> None:
    try:
        output_file.write_bytes(encoded)
    except OSError as error:
        reason = type(error).__name__
    else:
        return
    raise ResultError(
        f"the file that OUTPUT_FILE names cannot be written ({reason}). The vantage6 node makes it "
        "before it starts the container."
    )


def _input_of(environment: ContainerEnvironment) -> tuple[str, list[Any], dict[str, Any]]:
    text = environment.read("INPUT_FILE")
    try:
        input_ = json.loads(text)
    except (ValueError, RecursionError):
        input_ = None
    if not isinstance(input_, dict) or not isinstance(input_.get("method"), str):
        raise ConfigurationError(
            "the input is not a JSON object with a 'method'. Create the task with an input such "
            "as {'method': 'average', 'args': [], 'kwargs': {}}."
        )
    args = [] if input_.get("args") is None else input_["args"]
    kwargs = {} if input_.get("kwargs") is None else input_["kwargs"]
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise ConfigurationError("in the input, 'args' has to be a list and 'kwargs' an object.")
    return input_["method"], args, kwargs


def _function(module: str, method: str, *, log_traceback: bool) -> Any:  # noqa: ANN401 - an algorithm's
    # The container's working directory, where `python -m` would look too.
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        package = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - importing runs the algorithm's code
        if log_traceback:
            traceback.print_exc()
        reason = type(error).__name__
    else:
        function = getattr(package, method, None)
        if callable(function) and not method.startswith("__"):
            return function
        raise ConfigurationError(
            f"the module {module} (PKG_NAME) has no function of the name that the input's "
            "'method' gives. Check the task's method, and that the package exports it."
        )
    raise ConfigurationError(
        f"the module {module} (PKG_NAME) cannot be imported ({reason}). Check PKG_NAME in the "
        "Dockerfile, and that the package is installed in the image."
    )
