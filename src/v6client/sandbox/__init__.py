"""A vantage6-compatible network on one machine, for trying things out and for tests.

One server process, one node process for each organization, algorithms as real subprocesses, all
on 127.0.0.1, with SQLite::

    with Sandbox(4, databases=[{"default": "a.csv"}, ...]) as sandbox:
        task = sandbox.researcher.create_task(
            "my_algorithm", "central", organizations=[sandbox.organizations[0].id]
        )
        sandbox.researcher.wait(task["id"])
        print(sandbox.researcher.results(task["id"]))

It imports the client; the client never imports it.
"""

from v6client.sandbox.network import Sandbox
from v6client.sandbox.places import Container, SandboxOrganization
from v6client.sandbox.researcher import Researcher

__all__ = ["Container", "Researcher", "Sandbox", "SandboxOrganization"]
