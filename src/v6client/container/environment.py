"""The environment of an algorithm container: decoded by name, and once.

The node writes every variable that it sets as base32 with ``=`` replaced by ``!``. Whether a
value is encoded cannot be told from the value alone (``NBSWY3DP`` is itself, or "hello"), so it
is told from the name where the name is the node's, and from the text only where it cannot be
anything else.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Final

from v6client.errors import ConfigurationError

# Set once the variables are decoded, so that neither we nor a process that the algorithm starts
# decodes them again.
MARK: Final = "V6CLIENT_ENVIRONMENT_DECODED"

_PADDING: Final = "!"
_PLAIN: Final = frozenset({"PKG_NAME", "RUN_CONTEXT_FILE", MARK})
_BY_NODE: Final = re.compile(
    r"(HOST|PORT|API_PATH|TOKEN_FILE|INPUT_FILE|OUTPUT_FILE|TEMPORARY_FOLDER"
    r"|USER_REQUESTED_DATABASE_LABELS|DB_LABELS|.*_DATABASE_.*|OTEL_.*|V6CLIENT_.*)\Z"
)


def decode_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Decode the variables that the node encoded.

    Parameters
    ----------
    environ
        The variables of the process.

    Returns
    -------
    dict
        All variables, decoded where they were encoded. Variables that were decoded before
        (they carry a mark) come back as they are.
    """
    if MARK in environ:
        return dict(environ)
    return {name: _decoded(name, value) for name, value in environ.items()}


def decode_in_place(environ: MutableMapping[str, str]) -> None:
    """Decode the variables of this process, for the algorithm and all that it starts."""
    environ.update(decode_environment(environ))
    environ[MARK] = "1"


def _decoded(name: str, value: str) -> str:
    if name in _PLAIN:
        return value
    text = _from_base32(value)
    if text is None:
        return value
    certain = _PADDING in value or _BY_NODE.match(name) is not None
    return text if certain or (text.isprintable() and text != "") else value


def _from_base32(value: str) -> str | None:
    try:
        return base64.b32decode(value.replace(_PADDING, "=")).decode("utf-8")
    except (binascii.Error, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class ContainerEnvironment:
    """What the node tells a container by environment variables, decoded.

    Parameters
    ----------
    variables
        The decoded variables.
    """

    variables: Mapping[str, str]

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> ContainerEnvironment:
        """Decode the variables of a process."""
        return cls(decode_environment(environ))

    def __getitem__(self, name: str) -> str:
        """Give a variable that has to be there.

        Raises
        ------
        ConfigurationError
            When it is not set: names it, and says who sets it.
        """
        value = self.variables.get(name)
        if value is None or (value == "" and name != "API_PATH"):
            who = (
                "the algorithm's Dockerfile sets it: ENV PKG_NAME=my_algorithm"
                if name == "PKG_NAME"
                else "the vantage6 node sets it for each container; to run an algorithm without "
                "a node, use 'v6client sandbox'"
            )
            raise ConfigurationError(f"the environment variable {name} is not set: {who}.")
        return value

    def read(self, name: str) -> str:
        """Read the text file that a variable names.

        Raises
        ------
        ConfigurationError
            When the variable is not set, or there is no such file.
        """
        path = self[name]
        try:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 - as plain as it can be
                return file.read()
        except (OSError, UnicodeDecodeError) as error:
            reason = type(error).__name__
        raise ConfigurationError(
            f"the file that {name} names cannot be read ({reason}). The vantage6 node writes it "
            "before it starts the container."
        )
