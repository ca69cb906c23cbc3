"""v6client: the vantage6 algorithm client that never answers wrongly in silence."""

from v6client._version import __version__
from v6client.client import AlgorithmClient
from v6client.container.decorators import algorithm_client
from v6client.container.installation import install
from v6client.container.wrap import wrap_algorithm
from v6client.errors import (
    BadRequest,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    EncryptionError,
    Forbidden,
    InvalidArgument,
    InvalidResponse,
    MaskedServerError,
    NotAuthenticated,
    NotFound,
    RateLimited,
    RequestError,
    ResponseTooLarge,
    ResultError,
    ServerError,
    StatusError,
    TaskError,
    TaskFailed,
    TaskPartiallyCreated,
    TaskTimeout,
    Unauthorized,
    V6ClientError,
)
from v6client.settings import Settings
from v6client.tasks.results import RunResult
from v6client.tasks.runs import RunOutcome

__all__ = [
    "AlgorithmClient",
    "BadRequest",
    "ConfigurationError",
    "ConnectionFailed",
    "DeadlineExceeded",
    "EncryptionError",
    "Forbidden",
    "InvalidArgument",
    "InvalidResponse",
    "MaskedServerError",
    "NotAuthenticated",
    "NotFound",
    "RateLimited",
    "RequestError",
    "ResponseTooLarge",
    "ResultError",
    "RunOutcome",
    "RunResult",
    "ServerError",
    "Settings",
    "StatusError",
    "TaskError",
    "TaskFailed",
    "TaskPartiallyCreated",
    "TaskTimeout",
    "Unauthorized",
    "V6ClientError",
    "__version__",
    "algorithm_client",
    "install",
    "wrap_algorithm",
]
