"""What several test modules need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
import jwt
import pytest

from tests.peer import Peer
from v6client import AlgorithmClient, Settings

# How long an example takes is the machine's affair.
hypothesis.settings.register_profile(
    "v6client", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("v6client")

# Times on a real socket are kept short by the settings, never by patching.
QUICK = Settings(
    connect_timeout=2,
    read_timeout=2,
    post_read_timeout=2,
    request_deadline=5,
    create_deadline=5,
    outage_budget=2,
    first_contact_budget=0.2,
    backoff_base=0.001,
    backoff_cap=0.005,
)


def container_token(**changes: Any) -> str:
    """Make a token as the server gives it to a container; the signature is nobody's."""
    subject = {
        "client_type": "container",
        "node_id": 3,
        "organization_id": 2,
        "collaboration_id": 1,
        "study_id": None,
        "store_id": None,
        "task_id": 7,
        "image": "harbor.example/average",
        "databases": [{"label": "default"}],
        **changes,
    }
    return jwt.encode({"sub": subject}, "not the server's key, and nobody checks it here")


ClientOf = Callable[..., AlgorithmClient]


@pytest.fixture
def client_of() -> ClientOf:
    """Make a client of a scripted peer."""

    def make(peer: Peer, settings: Settings = QUICK, **claims: Any) -> AlgorithmClient:
        return AlgorithmClient(
            container_token(**claims), "http://127.0.0.1", peer.port, "", settings=settings
        )

    return make
