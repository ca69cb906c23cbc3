"""The sub-clients: one file a resource of the API, all through ``ClientBase.request``."""

from v6client.subclients.base import SubClient
from v6client.subclients.collaboration import Collaboration
from v6client.subclients.node import Node
from v6client.subclients.organization import Organization
from v6client.subclients.result import Result
from v6client.subclients.run import Run
from v6client.subclients.study import Study
from v6client.subclients.task import Task
from v6client.subclients.vpn import VPN

__all__ = [
    "VPN",
    "Collaboration",
    "Node",
    "Organization",
    "Result",
    "Run",
    "Study",
    "SubClient",
    "Task",
]
