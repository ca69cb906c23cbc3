"""Acting in a node's place: a container without a process, and what only nodes may report."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from v6client.sandbox.node.link import ServerLink
from v6client.sandbox.node.runner import HOLD_METHOD, utc_moment
from v6client.sandbox.places import Container, SandboxOrganization
from v6client.sandbox.researcher import Researcher
from v6client.sandbox.server.status import ACTIVE, COMPLETED


def log_in_as_node(server_url: str, api_key: str) -> ServerLink:
    """Log in as a node, but without a node's patience: a server that is away fails at once."""
    stopping = threading.Event()
    stopping.set()
    link = ServerLink(server_url, api_key, stopping)
    link.log_in()
    return link


@contextmanager
def held_container(  # noqa: PLR0913 - a root task, and who runs it
    researcher: Researcher,
    node: ServerLink,
    organization: SandboxOrganization,
    *,
    image: str,
    databases: Sequence[str | Mapping[str, object]],
    study_id: int | None,
) -> Iterator[Container]:
    """Create a root task whose run no process takes; complete the run at the end."""
    task = researcher.create_task(
        image,
        HOLD_METHOD,
        organizations=[organization.id],
        name="held",
        databases=databases,
        study_id=study_id,
    )
    run_id = researcher.runs(task["id"])[0]["id"]
    # The runner reports this, too; it is said here so that the container is active at once, and
    # also where no node runs.
    node.patch_run(run_id, {"started_at": utc_moment(), "status": ACTIVE})
    try:
        yield Container(
            token=node.container_token(task["id"], task["image"]),
            host=organization.proxy_host,
            port=organization.proxy_port,
            path=organization.proxy_path,
            task_id=task["id"],
            run_id=run_id,
            organization_id=organization.id,
        )
    finally:
        # The task may have been killed in the meantime, or the server.
        with contextlib.suppress(Exception):
            # The task's results go to who created it: the researcher's own organization.
            result = researcher.sealed(b"null", task["init_org"]["id"])
            changes = {"status": COMPLETED, "result": result, "finished_at": utc_moment()}
            node.patch_run(run_id, changes)
