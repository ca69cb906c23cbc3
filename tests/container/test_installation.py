"""What ``install()`` replaces, in a process with vantage6's own tools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.contract import tools
from tests.contract.networks import ALGORITHMS
from tests.node import all_encoded, call_of, variables_of

needs_tools = pytest.mark.skipif(tools.why_not() != "", reason=tools.why_not())

NONE: Mapping[str, str] = {}


def process(
    command: Sequence[str], environ: Mapping[str, str], *, python: str = "", folder: Path = Path()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [python or tools.python(), *command],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(tools.SOURCE), str(ALGORITHMS)]),
            **environ,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def told(code: str, environ: Mapping[str, str] = NONE, *, python: str = "") -> Any:
    """Give what the code in another process says with ``tell``; all variables are encoded."""
    head = "import json, sys, v6client\ntell = lambda value: print(json.dumps(value))\n"
    done = process(["-c", head + textwrap.dedent(code)], all_encoded(environ), python=python)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_without_the_tools_nothing_is_done() -> None:
    without = """
        before = list(sys.meta_path)
        sys.modules["vantage6"] = None  # as if it were not there
        tell([v6client.install(), sys.meta_path == before])
    """
    assert told(without, python=sys.executable) == [False, True]


@needs_tools
def test_modules_that_are_imported_later() -> None:
    later = """
        installed = v6client.install()
        imported = [name for name in ("vantage6.algorithm.client", "pandas") if name in sys.modules]
        from vantage6.algorithm.client import AlgorithmClient
        from vantage6.algorithm.tools import decorators, util, wrap
        ours = v6client.AlgorithmClient
        tell([
            installed,
            imported,
            AlgorithmClient is decorators.AlgorithmClient is ours,
            util.get_env_var is wrap.get_env_var,
            util.get_env_var.__module__,
        ])
    """
    assert told(later) == [True, [], True, True, "v6client.container.installation"]


@needs_tools
def test_modules_that_were_imported_before() -> None:
    before = """
        import vantage6.algorithm.client
        from vantage6.algorithm.tools import decorators, util, wrap
        theirs = vantage6.algorithm.client.AlgorithmClient
        installed = v6client.install()
        ours = v6client.AlgorithmClient
        tell([
            installed,
            theirs is not ours,
            vantage6.algorithm.client.AlgorithmClient is decorators.AlgorithmClient is ours,
            util.get_env_var is wrap.get_env_var,
            util.get_env_var.__module__,
        ])
    """
    assert told(before) == [True, True, True, True, "v6client.container.installation"]


@needs_tools
def test_twice_is_once() -> None:
    twice = """
        v6client.install()
        import vantage6.algorithm.tools.wrap as wrap
        finders, names = list(sys.meta_path), dict(vars(wrap))
        again = v6client.install()
        tell([again, sys.meta_path == finders, vars(wrap) == names])
    """
    assert told(twice) == [True, True, True]


@needs_tools
def test_a_module_is_otherwise_as_it_was() -> None:
    same = """
        v6client.install()
        import importlib, inspect
        import vantage6.algorithm.client as module
        again = importlib.reload(module)
        tell([
            "class AlgorithmClient(ClientBase)" in inspect.getsource(module),
            type(module.__loader__).__name__,
            type(module.__spec__.loader).__name__,
            again.AlgorithmClient is v6client.AlgorithmClient,
        ])
    """
    assert told(same) == [True, "SourceFileLoader", "SourceFileLoader", True]


@needs_tools
def test_upstreams_mock_client_is_upstreams() -> None:
    mock = """
        v6client.install()
        import pandas
        from vantage6.algorithm.tools.mock_client import MockAlgorithmClient
        patients = [pandas.DataFrame({"age": ages}) for ages in ([20, 30, 40], [50, 60])]
        client = MockAlgorithmClient(
            datasets=[[{"database": one}] for one in patients], module="unmodified"
        )
        task = client.task.create(
            input_={"method": "average", "kwargs": {"column": "age"}}, organizations=[0]
        )
        tell([
            isinstance(client, v6client.AlgorithmClient),
            MockAlgorithmClient.__module__,
            client.result.get(task["id"]),
        ])
    """
    assert told(mock) == [False, "vantage6.algorithm.tools.mock_client", {"average": 40.0}]


VARIABLES = {
    "TEXT": "ä text",
    "YES": "yes",
    "NO": "0",
    "NUMBER": "25",
    "EMPTY": "",
    "PADDED": "MFRGG",
}

ASK = """
    from vantage6.algorithm.tools.util import get_env_var
    def ask(*question):
        try:
            return get_env_var(*question)
        except Exception as error:
            return [type(error).__qualname__, type(error).__module__, str(error)]
    tell([
        ask(name, default, kind)
        for name in ("TEXT", "YES", "NO", "NUMBER", "EMPTY", "PADDED", "ABSENT")
        for default in (None, "1", "x")
        for kind in ("str", "bool", "int", "float")
    ])
"""


@needs_tools
def test_get_env_var_answers_as_upstreams_does() -> None:
    upstreams = told(ASK, VARIABLES)
    assert told(f"v6client.install()\n{textwrap.dedent(ASK)}", VARIABLES) == upstreams


@needs_tools
def test_get_env_var_does_not_decode_twice() -> None:
    words = """
        import os
        from v6client.container.environment import decode_in_place
        decode_in_place(os.environ)
        v6client.install()
        from vantage6.algorithm.tools.util import get_env_var
        from vantage6.algorithm.tools.wrap import _decode_env_vars
        _decode_env_vars()
        tell([
            get_env_var("CODE"),
            get_env_var("WORD", default="x"),
            get_env_var("NUMBER", as_type="int"),
            os.environ["WORD"],
        ])
    """
    environ = {"CODE": "ABCDEFGH", "WORD": "NBSWY3DP", "NUMBER": "22334455"}
    assert told(words, environ) == [
        "ABCDEFGH",
        "NBSWY3DP",
        22334455,
        "NBSWY3DP",
    ]


@needs_tools
def test_the_database_connection_decorator_reads_what_is_decoded() -> None:
    connection = """
        import os
        from v6client.container.environment import decode_in_place
        decode_in_place(os.environ)
        v6client.install()
        from vantage6.algorithm.tools import decorators
        decorators.OHDSI_AVAILABLE = True
        decorators.connect_to_omop = lambda **asked: asked

        @decorators.database_connection(types=["OMOP"], include_metadata=False)
        def method(connection):
            return connection

        tell(method())
    """
    environ = {
        "USER_REQUESTED_DATABASE_LABELS": "hospital",
        "HOSPITAL_DATABASE_URI": "jdbc:postgresql://omop:5432/db",
        "HOSPITAL_DB_PARAM_DBMS": "postgresql",
        "HOSPITAL_DB_PARAM_USER": "a user",
        "HOSPITAL_DB_PARAM_PASSWORD": "ABCDEFGH",
    }
    assert told(connection, environ) == {
        "dbms": "postgresql",
        "connection_string": "jdbc:postgresql://omop:5432/db",
        "user": "a user",
        "password": "ABCDEFGH",
    }


ALGORITHM = """
import os, sys

def imported():
    return sorted(one for one in sys.modules if one.startswith(("vantage6.", "pandas")))

def words():
    from vantage6.algorithm.tools.util import get_env_var
    return [get_env_var("CODE"), get_env_var("WORD"), os.environ["WORD"], os.environ["PLAIN"]]

def ask():
    from vantage6.algorithm.tools.decorators import algorithm_client
    return algorithm_client(lambda client: type(client).__module__)()
"""

Ran = Callable[..., Any]


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    """Run a method in a container's process and give its result."""
    (tmp_path / "my_algorithm.py").write_text(ALGORITHM)

    def start(method: str, *command: str) -> Any:
        by_node = {
            **variables_of(tmp_path, input_=call_of(method)),
            "CODE": "ABCDEFGH",
            "WORD": "NBSWY3DP",
        }
        # PLAIN is the image's: upstream's decoding ends with an error there.
        by_image = {"PKG_NAME": "my_algorithm", "PLAIN": "ABCDEFGH"}
        done = process(command, all_encoded(by_node) | by_image, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads((tmp_path / "output").read_text())

    return start


OWN_ENTRY = (
    "import v6client; v6client.install(); "
    "from vantage6.algorithm.tools.wrap import wrap_algorithm; wrap_algorithm()"
)


@needs_tools
def test_an_algorithm_without_vantage6_does_not_import_it(ran: Ran) -> None:
    # The package that holds it is looked up, for whether it is there.
    assert ran("imported", "-m", "v6client") in ([], ["vantage6.algorithm"])


@needs_tools
@pytest.mark.parametrize(
    "command", [("-m", "v6client"), ("-c", OWN_ENTRY)], ids=["ours", "upstreams"]
)
def test_whichever_wrapper_decodes_it_is_done_once(ran: Ran, command: tuple[str, ...]) -> None:
    assert ran("words", *command) == ["ABCDEFGH", "NBSWY3DP", "NBSWY3DP", "ABCDEFGH"]


@needs_tools
@pytest.mark.parametrize(
    "command", [("-m", "v6client"), ("-c", OWN_ENTRY)], ids=["ours", "upstreams"]
)
def test_the_decorator_gives_our_client(ran: Ran, command: tuple[str, ...]) -> None:
    assert ran("ask", *command) == "v6client.client"
