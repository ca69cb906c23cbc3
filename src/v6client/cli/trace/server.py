"""Reading a job from the server: with a container's token, or a user's login that is not stored."""

from __future__ import annotations

import getpass
import json
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from v6client.base import ClientBase
from v6client.cli.addresses import http_parts
from v6client.cli.trace.rebuild import RunRow, TaskRow
from v6client.cli.trace.texts import plain
from v6client.container.environment import ContainerEnvironment
from v6client.errors import (
    BadRequest,
    ConfigurationError,
    MaskedServerError,
    NotFound,
    StatusError,
    Unauthorized,
)
from v6client.http import shapes
from v6client.identity import Identity
from v6client.settings import Settings

# A person waits: a wrong address is told soon.
_FIRST_CONTACT: Final = 5.0
# Rows of runs hold the inputs, which are let go at once.
_PAGE: Final = 20
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Access:
    """What the command line says of where the server is, and who asks.

    Parameters
    ----------
    server
        Its address, with the API's path; empty in a container.
    login, token_file
        A file with a user's login, or with a container's token.
    username
        Who logs in, where only the password is asked for.
    """

    server: str = ""
    login: Path | None = None
    token_file: Path | None = None
    username: str = ""


class JobReader(ClientBase):
    """Reads the tasks and runs of a job."""

    def allow(self, token: str) -> None:
        """Send this token from now on."""
        self._access_token = token

    def log_in(self, username: str, password: str) -> None:
        """Log a user in, with a second factor where the server wants one.

        Raises
        ------
        ConfigurationError
            When the login is refused.
        """
        answer = self._login_answer({"username": username, "password": password})
        if "access_token" not in answer and "qr_uri" not in answer:
            code = _asked("two-factor code")
            answer = self._login_answer(
                {"username": username, "password": password, "mfa_code": code}
            )
        token = answer.get("access_token")
        if not isinstance(token, str):
            raise ConfigurationError(
                "the login needs two-factor authentication, which is not set up for this user."
            )
        self.allow(token)

    def _login_answer(self, body: Mapping[str, str]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self.request(
                "token/user", json=body, method="post", shape=shapes.json_object
            )
        except (Unauthorized, BadRequest):
            pass
        else:
            return answer
        raise ConfigurationError("the server refuses this username with this password.")

    def job(self, job_id: int) -> list[TaskRow]:
        """Read all tasks of a job, with their runs.

        Raises
        ------
        ConfigurationError
            When there is no such job that may be seen.
        RequestError
            When it cannot be read.
        """
        try:
            rows = self.list_rows("task", {"job_id": job_id}, operation=None)
        except (NotFound, BadRequest, MaskedServerError):
            rows = []
        if not rows:
            raise ConfigurationError(self._no_job(job_id))
        return [TaskRow.of(row, self._runs(row["id"])) for row in rows]

    def _runs(self, task_id: int) -> list[RunRow]:
        rows = self.list_rows("run", {"task_id": task_id}, operation=None, shape=shapes.run_page)
        return [RunRow.of(row) for row in rows]

    def _no_job(self, number: int) -> str:
        """Say what was meant: people know the task that they created."""
        try:
            task = self.get_resource("task", number)
        except StatusError:
            return f"there is no job {number} that you may see."
        return f"there is no job {number}; but task {number} is of job {task.get('job_id')}."


def reader_for(access: Access, environ: Mapping[str, str]) -> JobReader:
    """Make what reads the server, allowed to.

    Parameters
    ----------
    access
        What the command line says.
    environ
        The variables of the process, encoded as they are in a container.

    Raises
    ------
    ConfigurationError
        When it is not said where the server is, or the token or login is not right.
    RequestError
        When the server cannot be reached.
    """
    environment = ContainerEnvironment.of(environ)
    if not access.server and access.login is None and access.token_file is None:
        return _in_container(environment)
    login = _login_of(access.login) if access.login is not None else {}
    server = access.server or login.get("server_url", "")
    if not server:
        raise ConfigurationError("give the server's address: --server https://server.example/api.")
    reader = _reader(server, environment)
    if access.token_file is not None:
        reader.allow(_token_in(access.token_file))
        return reader
    _warn_if_in_clear(server)
    username = access.username or login.get("username", "") or _asked("username")
    password = login.get("password", "") or _asked_in_secret("password")
    reader.log_in(username, password)
    return reader


def _in_container(environment: ContainerEnvironment) -> JobReader:
    if "TOKEN_FILE" not in environment.variables:
        raise ConfigurationError(
            "this is no algorithm container. Say where the server is: --server "
            "https://server.example/api; it asks for your login, or takes it from --login FILE."
        )
    token = environment.read("TOKEN_FILE").strip()
    Identity.of(token)
    host, port, path = (environment[name] for name in ("HOST", "PORT", "API_PATH"))
    reader = JobReader(host, port, path, settings=_settings(environment))
    reader.allow(token)
    return reader


def _reader(server: str, environment: ContainerEnvironment) -> JobReader:
    parts = http_parts(server)
    if parts is None or parts.username or parts.query:
        raise ConfigurationError(
            "--server has to be an address such as https://server.example/api, without a user, a "
            "password or a query in it."
        )
    host = f"{parts.scheme}://{parts.netloc}"
    return JobReader(host, None, parts.path, settings=_settings(environment))


def _settings(environment: ContainerEnvironment) -> Settings:
    settings = Settings.from_environment(environment.variables)
    return replace(settings, first_contact_budget=_FIRST_CONTACT, page_size=_PAGE)


def _login_of(path: Path) -> dict[str, str]:
    found: object = None
    try:
        if path.stat().st_mode & _OTHERS:
            _note(f"{plain(str(path))} can be read by others: type chmod 600 {plain(str(path))}")
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"the login file {plain(str(path))} cannot be read ({type(error).__name__})."
        ) from None
    except ValueError:
        pass
    if not isinstance(found, dict) or not isinstance(found.get("username"), str):
        raise ConfigurationError(
            f'the login file {plain(str(path))} has to hold {{"username": …, "password": …}}, and '
            'may hold "server_url", too. Without "password" you are asked for it.'
        )
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _token_in(path: Path) -> str:
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the token file {plain(str(path))} cannot be read ({type(error).__name__})."
        ) from None
    Identity.of(token)
    return token


def _asked(what: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigurationError(f"there is no terminal to ask for the {what}: give --login FILE.")
    sys.stderr.write(f"{what}: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _asked_in_secret(what: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigurationError(f"there is no terminal to ask for the {what}: give --login FILE.")
    return getpass.getpass(f"{what}: ", stream=sys.stderr)


def _warn_if_in_clear(server: str) -> None:
    parts = http_parts(server)
    if parts is not None and parts.scheme == "http" and parts.hostname not in _LOCAL:
        _note("the password goes over the network unencrypted: is there an https:// address?")


def _note(text: str) -> None:
    sys.stderr.write(f"v6client trace: {text}\n")
