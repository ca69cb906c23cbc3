"""``install()``: algorithms that import vantage6's own client and tools get ours.

Names are replaced in vantage6's modules: in those that are imported already at once, in the others
right after they are imported. None is imported for that. Importing ``vantage6.algorithm.client``
takes some 20 ms and the decorators, with pandas, some 450 ms; an algorithm that needs neither does
not pay for them, and cannot fail because of them.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from v6client.client import AlgorithmClient
from v6client.container.environment import decode_environment, decode_in_place

_CLIENT: Final = "vantage6.algorithm.client"
_UTIL: Final = "vantage6.algorithm.tools.util"


def install() -> bool:
    """Give algorithms that import vantage6's own client and tools ours.

    ``python -m v6client`` and :func:`v6client.wrap_algorithm` do so before they import one.
    ``AlgorithmClient`` becomes :class:`v6client.AlgorithmClient` in ``vantage6.algorithm.client``
    and in ``vantage6.algorithm.tools.decorators``, whose decorators then give it to the
    algorithm; and ``get_env_var`` and ``wrap_algorithm`` of vantage6 no longer decode an
    environment that is decoded. Call it before the algorithm is imported: a name that the
    algorithm has taken from vantage6 by then stays what it was. It may be called again.

    Returns
    -------
    bool
        Whether ``vantage6-algorithm-tools`` is installed; where it is not, nothing was done.

    Examples
    --------
    >>> import v6client
    >>> if v6client.install():
    ...     from vantage6.algorithm.client import AlgorithmClient
    ...
    ...     assert AlgorithmClient is v6client.AlgorithmClient
    """
    if _CLIENT not in sys.modules and not _can_be_imported(_CLIENT):
        return False
    for name in _REPLACEMENTS:
        if name in sys.modules:
            _replace_in(sys.modules[name])
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    return True


def _can_be_imported(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # already its parent is not there
        return False


def get_env_var(var_name: str, default: str | None = None, as_type: str = "str") -> Any:  # noqa: ANN401 - as upstream's
    """Give an environment variable, decoded once; in place of upstream's, which decodes again.

    Parameters
    ----------
    var_name
        The variable's name.
    default
        What to give where it is not set.
    as_type
        ``"str"``, ``"bool"`` or ``"int"``.

    Returns
    -------
    str, bool, int or None
        The value.

    Raises
    ------
    vantage6.algorithm.tools.exceptions.EnvironmentVariableError
        When the value is not of that type.
    """
    value = decode_environment(os.environ).get(var_name, default)
    if as_type == "str":
        return value
    # Upstream's conversion has upstream's words for true and false, and its error. Whoever has
    # this function took it from that module.
    util: Any = sys.modules[_UTIL]
    if as_type == "bool":
        return util._convert_envvar_to_bool(var_name, value)  # noqa: SLF001 - see above
    if as_type == "int":
        return util._convert_envvar_to_int(var_name, value)  # noqa: SLF001 - see above
    return None  # as upstream's


def _decode_env_vars() -> None:
    """Decode the environment unless that was done; in place of upstream's, which always does."""
    decode_in_place(os.environ)


# What is replaced where. Upstream's decorators look the client up when they are called.
_REPLACEMENTS: Final[Mapping[str, Mapping[str, object]]] = {
    _CLIENT: {"AlgorithmClient": AlgorithmClient},
    "vantage6.algorithm.tools.decorators": {"AlgorithmClient": AlgorithmClient},
    _UTIL: {"get_env_var": get_env_var},
    "vantage6.algorithm.tools.wrap": {
        "get_env_var": get_env_var,
        "_decode_env_vars": _decode_env_vars,
    },
}


def _replace_in(module: ModuleType) -> None:
    for name, ours in _REPLACEMENTS[module.__name__].items():
        setattr(module, name, ours)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules in which names are replaced, as the other finders do."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _REPLACEMENTS:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader(importlib.abc.Loader):
    """Loads a module as its own loader does, then replaces the names in it."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # From here on the module looks as if it had been imported without us.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _replace_in(module)


_finder: Final = _Finder()
