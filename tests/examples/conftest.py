import sys
from pathlib import Path

import pytest

# In a container the package is on the path by itself; here it is one folder of the examples.
sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Path]]:
    from logistic_regression import demo  # noqa: PLC0415 - the path was set just above

    return demo.prepare(tmp_path_factory.mktemp("hospitals"))
