"""Every tunable of v6client: its unit, its default, its environment variable."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass

from v6client.setting import check, read, setting, switch


@dataclass(frozen=True)
class Settings:
    """All tunables, checked once.

    A field ``read_timeout`` is read from the variable ``V6CLIENT_READ_TIMEOUT`` by
    :meth:`from_environment`.

    Raises
    ------
    ConfigurationError
        When a value is not a number or not in its range: it names the setting, the value and
        what is allowed.
    """

    connect_timeout: float = setting(
        5.0, unit="s", low=0.001, high=3600, text="until a connection stands"
    )
    read_timeout: float = setting(
        60.0, unit="s", low=0.001, high=86400, text="between two bytes of the answer to a GET"
    )
    post_read_timeout: float = setting(
        300.0,
        unit="s",
        low=0.001,
        high=86400,
        text="the same for a POST, PUT, PATCH or DELETE, and for each 256 kB that are sent: the "
        "proxy serves one request at a time, and carries out what a client abandoned",
    )
    request_deadline: float = setting(
        120.0, unit="s", low=0.001, high=86400, text="for one operation with all its attempts"
    )
    create_deadline: float = setting(
        600.0, unit="s", low=0.001, high=86400, text="the same for an operation that sends a body"
    )
    blob_deadline: float = setting(
        3600.0, unit="s", low=0.001, high=604800, text="the same for the transfer of one blob"
    )
    outage_budget: float = setting(
        300.0, unit="s", low=0, high=86400, text="how long a proxy may be unreachable"
    )
    first_contact_budget: float = setting(
        30.0,
        unit="s",
        low=0,
        high=86400,
        text="the same until the first success, so that a wrong port does not take minutes",
    )
    backoff_base: float = setting(
        0.5, unit="s", low=0, high=3600, text="full jitter: up to this before the first retry"
    )
    backoff_cap: float = setting(
        10.0, unit="s", low=0, high=3600, text="the most that a wait between attempts grows to"
    )
    failed_attempts: int = setting(
        2,
        unit="attempts",
        low=1,
        high=10,
        text="of a GET that the proxy answers with a 500: it has tried three times each",
    )
    retry_budget: int = setting(
        100, unit="tokens", low=0, high=1000000, text="the most that a client can save for retries"
    )
    retry_cost: int = setting(
        5, unit="tokens", low=0, high=1000000, text="a retry of something that was sent takes these"
    )
    retry_refund: int = setting(
        1, unit="tokens", low=0, high=1000000, text="a success gives these back"
    )
    max_response_bytes: int = setting(
        2**31, unit="B", low=1, high=2**40, text="a longer answer is refused"
    )
    create_once: bool = switch(
        True,
        text="whether a subtask is marked with a random key in its description, so that it can be "
        "found again when the answer to its creation is lost",
    )
    create_posts: int = setting(
        4,
        unit="posts",
        low=1,
        high=10,
        text="of one subtask at most, each but the first after it was looked for and not found",
    )
    page_size: int = setting(
        100, unit="rows", low=1, high=1000, text="asked for in one page of a list"
    )
    wait_timeout: float | None = setting(
        86400.0,
        unit="s",
        low=0,
        high=31536000,
        optional=True,
        text="for wait_for_results; 'none' for no end",
    )
    on_failure: str = setting(
        "raise",
        words=("raise", "partial"),
        text="what a wait does when an organization's run fails: raise TaskFailed, or return the "
        "results of the others with a warning that names who is missing",
    )
    wait_for: str = setting(
        "default",
        words=("default", "first_failure", "all"),
        text="whether a failure ends a wait, or the runs that still work are waited for; "
        "'default' is first_failure with on_failure=raise, and all otherwise",
    )
    min_results: int | None = setting(
        None,
        unit="results",
        low=1,
        high=1000000,
        optional=True,
        text="so many are enough for a wait to return; 'none' for all. Of a task that goes to "
        "fewer organizations, all are",
    )
    grace: float = setting(
        0.0,
        unit="s",
        low=0,
        high=86400,
        text="how long a wait that has min_results waits for the others",
    )
    progress: str = setting(
        "auto",
        words=("auto", "always", "never"),
        text="whether a wait shows a line with the organizations done, running and queued: auto is "
        "on a terminal, where the extra v6client[progress] is installed",
    )
    poll_growth: float = setting(
        0.1, unit="1", low=0.001, high=1, text="of the time waited so far: the next poll's distance"
    )
    poll_growth_busy: float = setting(
        0.5,
        unit="1",
        low=0.001,
        high=1,
        text="what poll_growth becomes at most while polls take long; no more than it: it does not",
    )
    poll_cap: float = setting(
        60.0, unit="s", low=0.01, high=3600, text="the longest distance between two polls"
    )
    poll_load: float = setting(
        20.0,
        unit="1",
        low=0,
        high=1000,
        text="times the last poll's duration: the least distance, so that a busy proxy is spared",
    )

    def __post_init__(self) -> None:
        for one in dataclasses.fields(self):
            check(one.name, getattr(self, one.name), one)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from environment variables; what is not set keeps its default.

        Parameters
        ----------
        environ
            The (decoded) variables; those of the process by default.

        Returns
        -------
        Settings
            The settings.

        Raises
        ------
        ConfigurationError
            When a variable's value is not a number, or not in its range.
        """
        return read(cls, os.environ if environ is None else environ)


@dataclass(frozen=True)
class TelemetrySettings:
    """What telemetry of this process is exported, and how; once a process, not once a client.

    Where to is said by OpenTelemetry's own ``OTEL_…`` variables.

    Raises
    ------
    ConfigurationError
        When a value is not allowed.
    """

    log_level: str = setting(
        "INFO",
        words=("DEBUG", "INFO", "WARNING", "ERROR"),
        text="the least level of v6client's own log lines in a container",
    )
    export_logs: bool = switch(
        False, text="whether v6client's own log lines are exported as OpenTelemetry logs, too"
    )
    export_foreign: bool = switch(
        False,
        text="whether telemetry of the algorithm and of other libraries is exported, too, "
        "unchecked, with all of OTEL_RESOURCE_ATTRIBUTES",
    )
    trace_file: str = setting(
        "",
        text="a file to write telemetry to, as OTLP JSON lines; a folder for one file a process in "
        "it; 'true' for one in the run's temporary folder",
    )
    trace_file_bytes: int = setting(
        2**26, unit="B", low=1024, high=2**40, text="the most that is written to that file"
    )
    flush_seconds: float = setting(
        1.5,
        unit="s",
        low=0,
        high=60,
        text="the most that exporting what is left may delay a container's end",
    )

    def __post_init__(self) -> None:
        for one in dataclasses.fields(self):
            check(one.name, getattr(self, one.name), one)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> TelemetrySettings:
        """Read them from environment variables, as :meth:`Settings.from_environment` does.

        Raises
        ------
        ConfigurationError
            When a variable's value is not allowed.
        """
        return read(cls, os.environ if environ is None else environ)


def variables() -> Mapping[str, str]:
    """Give the environment of this process: for OpenTelemetry's own variables."""
    return os.environ
