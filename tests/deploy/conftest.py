"""The two ways in which the stack is given to a cluster."""

from __future__ import annotations

import pytest

from tests.deploy.building import BASE, REMOTE, built
from tests.deploy.cluster import Cluster


@pytest.fixture(params=(BASE, REMOTE))
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return built(request.param)
