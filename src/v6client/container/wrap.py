"""The entry of an algorithm container: environment, input, call, output."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from v6client._version import __version__
from v6client.container.environment import ContainerEnvironment, decode_in_place
from v6client.container.installation import install
from v6client.errors import ConfigurationError, InvalidArgument, ResultError, V6ClientError
from v6client.identity import Identity
from v6client.payload.codec import encode_json
from v6client.telemetry import logs, metrics, schema


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
        With status 1 when anything failed: the run counts as crashed then.
    """
    decode_in_place(os.environ)
    logs.configure()
    install()
    environment = ContainerEnvironment.of(os.environ)
    began = time.monotonic()
    who = _who(environment)
    logs.emit(schema.RUN_STARTED, **who, version=__version__)
    who.pop("node_id", None)
    try:
        size = _run(environment, log_traceback=log_traceback)
    except (V6ClientError, _AlgorithmFailed) as error:
        failed = error.error_type if isinstance(error, _AlgorithmFailed) else type(error).__name__
        if isinstance(error, V6ClientError):
            print(f"error > {error}", file=sys.stderr)  # noqa: T201 - the run's log
        logs.emit(
            schema.RUN_FAILED,
            **who,
            duration_s=round(time.monotonic() - began, 3),
            **metrics.tally.numbers(),
            error_type=failed,
        )
    else:
        logs.emit(
            schema.RUN_FINISHED,
            **who,
            duration_s=round(time.monotonic() - began, 3),
            **metrics.tally.numbers(),
            result_bytes=size,
        )
        return
    sys.exit(1)


def _who(environment: ContainerEnvironment) -> dict[str, int]:
    """Say which task and organization this is; nothing where the token cannot be read."""
    try:
        identity = Identity.of(environment.read("TOKEN_FILE").strip())
    except ConfigurationError:
        return {}
    return {
        "task_id": identity.task_id,
        "organization_id": identity.organization_id,
        "node_id": identity.node_id,
    }


def _run(environment: ContainerEnvironment, *, log_traceback: bool) -> int:
    output_file = Path(environment["OUTPUT_FILE"])
    method, args, kwargs = _input_of(environment)
    function = _function(environment["PKG_NAME"], method, log_traceback=log_traceback)
    try:
        result = function(*args, **kwargs)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an algorithm raises
        # Also sys.exit(0): a run without a result has failed.
        if log_traceback:
            traceback.print_exc()
        raise _AlgorithmFailed(type(error).__name__) from None
    try:
        encoded = encode_json(result, what="the result")
    except InvalidArgument as error:
        message = str(error)
    else:
        try:
            output_file.write_bytes(encoded)
        except OSError as error:
            message = (
                f"the file that OUTPUT_FILE names cannot be written ({type(error).__name__}). The "
                "vantage6 node makes it before it starts the container."
            )
        else:
            return len(encoded)
    raise ResultError(message)


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
