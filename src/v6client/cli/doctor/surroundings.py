"""What is checked without a network: variables, files, the token, the settings, the versions."""

from __future__ import annotations

import dataclasses
import difflib
import importlib.metadata
import importlib.util
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import jwt

from v6client._version import __version__
from v6client.cli.doctor.check import Check, bad, doubtful, good, note
from v6client.container.environment import MARK, ContainerEnvironment
from v6client.errors import ConfigurationError
from v6client.identity import Identity
from v6client.setting import read, variable_of
from v6client.settings import Settings, TelemetrySettings

NODE_VARIABLES: Final = (
    *("HOST", "PORT", "API_PATH", "TOKEN_FILE", "INPUT_FILE", "OUTPUT_FILE"),
    "TEMPORARY_FOLDER",
)
_MAY_BE_EMPTY: Final = frozenset({"API_PATH"})
_ENCODED: Final = re.compile(r"[A-Z2-7]{8,}[A-Z2-7!]*")
# Types of databases whose address is a file's.
_FILES: Final = frozenset({"csv", "parquet", "excel", "other", "folder"})
_DATABASE: Final = re.compile(r"(.+)_DATABASE_URI")
_AHEAD: Final = 60.0
_PACKAGES: Final = (
    *("requests", "tenacity", "structlog", "cryptography", "pyjwt"),
    *("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"),
    *("rich", "vantage6-algorithm-tools"),
)
_VERSION: Final = re.compile(r"[0-9A-Za-z.+_-]{1,40}")


def is_container(environ: Mapping[str, str]) -> bool:
    """Tell whether a node has started this process's container."""
    return "TOKEN_FILE" in environ


def check_variables(environment: ContainerEnvironment, *, was_decoded: bool) -> Iterator[Check]:
    """Check that all is there that the node sets."""
    name = "environment"
    variables = environment.variables
    missing = [
        one
        for one in NODE_VARIABLES
        if one not in variables or not (variables[one] or one in _MAY_BE_EMPTY)
    ]
    encoded = [
        one
        for one in NODE_VARIABLES
        if one not in missing and _ENCODED.fullmatch(variables[one]) and "!" in variables[one]
    ]
    if missing:
        yield bad(
            name,
            f"not set: {', '.join(missing)}",
            "The vantage6 node sets these for each container. Start this in a container that it "
            "has started, or use 'v6client sandbox'.",
        )
    elif encoded:
        yield bad(
            name,
            f"cannot be decoded: {', '.join(encoded)}",
            "The node writes base32 with ! for =. Something between the node and this process has "
            f"changed the values, or {MARK} is set where nothing was decoded.",
        )
    else:
        how = "were decoded before" if was_decoded else "are there, and decoded"
        yield good(name, f"all {len(NODE_VARIABLES)} variables of the node {how}")
    yield _check_module(variables.get("PKG_NAME", ""))


def _check_module(module: str) -> Check:
    if not module:
        return bad(
            "algorithm", "PKG_NAME is not set", "Write ENV PKG_NAME=my_algorithm in the Dockerfile."
        )
    try:
        # The package alone: looking for a module in it would run its code.
        found = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        found = None
    if found is None:
        return bad(
            "algorithm",
            "the package that PKG_NAME names is not installed",
            "Install the algorithm in the image (RUN pip install .), or correct PKG_NAME.",
        )
    return good("algorithm", "the package that PKG_NAME names is installed")


def check_files(environment: ContainerEnvironment) -> Iterator[Check]:
    """Check the files that the variables name."""
    variables = environment.variables
    wrong = [
        one
        for one in ("TOKEN_FILE", "INPUT_FILE")
        if variables.get(one) and not os.access(variables[one], os.R_OK)
    ]
    folder = variables.get("TEMPORARY_FOLDER", "")
    if folder and not _is_writable(Path(folder)):
        wrong.append("TEMPORARY_FOLDER")
    output = variables.get("OUTPUT_FILE", "")
    if output and not (os.access(output, os.W_OK) or _is_writable(Path(output).parent)):
        wrong.append("OUTPUT_FILE")
    if wrong:
        yield bad(
            "files",
            f"cannot be used as the node means it: {', '.join(wrong)}",
            "The node mounts these into the container. Look at the node's log, and at which user "
            "the image runs as (USER in the Dockerfile).",
        )
    else:
        yield good("files", "token and input can be read, output and temporary files written")
    yield _check_databases(variables)


def _is_writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _check_databases(variables: Mapping[str, str]) -> Check:
    name = "databases"
    uris = [
        (variables[one], variables.get(f"{found[1]}_DATABASE_TYPE", ""))
        for one in variables
        if (found := _DATABASE.fullmatch(one))
    ]
    files = [uri for uri, kind in uris if kind.lower() in _FILES]
    lost = sum(not os.access(uri, os.R_OK) for uri in files)
    if lost:
        return bad(
            name,
            f"{lost} of {len(uris)} cannot be read",
            "Look at 'databases' in the node's configuration, and at which user the image runs as.",
        )
    if not uris:
        return note(name, "none: the task asks for none, or the node has none")
    unchecked = len(uris) - len(files)
    rest = f"; {unchecked} are no files and were not tried" if unchecked else ""
    return good(name, f"{len(files)} of {len(uris)} are files that can be read{rest}")


def check_token(
    environment: ContainerEnvironment, now: float
) -> tuple[Check, Identity | None, str]:
    """Check the token; give it, and who it says this is."""
    name = "token"
    try:
        token = environment.read("TOKEN_FILE").strip()
        identity = Identity.of(token)
    except ConfigurationError as error:
        return bad(name, "no container's token can be read", str(error)), None, ""
    claims = jwt.decode(token, options={"verify_signature": False})
    expires, issued = claims.get("exp"), claims.get("iat")
    who = (
        f"task {identity.task_id}, organization {identity.organization_id}, node "
        f"{identity.node_id}, collaboration {identity.collaboration_id}, "
        f"{len(identity.databases)} databases"
    )
    if isinstance(expires, (int, float)) and expires < now:
        advice = "A container's token does not expire in vantage6 4: is this one? Start the task."
        return bad(name, f"expired: {who}", advice), None, ""
    if isinstance(issued, (int, float)) and issued > now + _AHEAD:
        advice = "Have this machine's clock set (NTP)."
        return doubtful(name, f"issued in the future: {who}", advice), identity, token
    return good(name, who), identity, token


def check_settings(environ: Mapping[str, str]) -> Check:
    """Check the ``V6CLIENT_…`` variables; their values are not told."""
    name = "settings"
    known: dict[str, type[Settings | TelemetrySettings]] = {
        variable_of(field.name): kind
        for kind in (Settings, TelemetrySettings)
        for field in dataclasses.fields(kind)
    }
    given = [one for one in environ if one.startswith("V6CLIENT_") and one != MARK]
    wrong = []
    for one in sorted(known.keys() & set(given)):
        try:
            read(known[one], {one: environ[one]})
        except ConfigurationError:
            wrong.append(one)
    if wrong:
        return bad(
            name, f"a value is not allowed: {', '.join(wrong)}", "docs/settings.md says what is."
        )
    # The name of an unknown one may be anybody's: only what it is near to is told.
    unknown = [one for one in given if one not in known and "_DATABASE_" not in one]
    if unknown:
        near = sorted({n for one in unknown for n in difflib.get_close_matches(one, known, n=1)})
        meant = f" Is one of these meant: {', '.join(near)}?" if near else ""
        return doubtful(
            name,
            f"{len(unknown)} V6CLIENT_… variables are none of v6client's",
            f"They have no effect.{meant}",
        )
    return good(name, f"{len(given)} V6CLIENT_… variables set, all allowed")


def check_versions() -> Iterator[Check]:
    """Tell what is installed."""
    found = {one: version for one in _PACKAGES if (version := _version_of(one))}
    told = ", ".join(f"{one} {version}" for one, version in found.items())
    yield good("versions", f"v6client {__version__}, Python {platform.python_version()}, {told}")
    sdk = _series(found.get("opentelemetry-sdk", ""))
    exporter = _series(found.get("opentelemetry-exporter-otlp-proto-http", ""))
    if exporter and sdk != exporter:
        yield doubtful(
            "OpenTelemetry",
            "SDK and exporter are of different releases",
            "Install both in one step: pip install 'v6client[otlp]'.",
        )


def _version_of(package: str) -> str:
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
    return version if _VERSION.fullmatch(version) else "of an unknown version"


def _series(version: str) -> Sequence[str]:
    return version.split(".")[:2] if version else ()
