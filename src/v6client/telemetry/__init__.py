"""What is emitted: spans, metrics and log lines, all named in :mod:`v6client.telemetry.schema`."""


def configure() -> None:
    """Export this process's telemetry, and write its log lines, as an algorithm container does.

    For a process that is none: a researcher's script, a test. In a container it is done already.
    The environment says what to export and where to: OpenTelemetry's own ``OTEL_…`` variables,
    and those of docs/settings.md. It is done once a process; what is left is exported when the
    process ends, for at most ``V6CLIENT_FLUSH_SECONDS``. Handlers and providers that the
    application has set are used instead, untouched. It raises nothing: what cannot be done is
    told in a line of the log.
    """
    # The SDK takes 0.2 s to import; only who exports pays for it.
    import tempfile  # noqa: PLC0415

    from v6client.settings import variables  # noqa: PLC0415
    from v6client.telemetry import bootstrap, log_output  # noqa: PLC0415

    environ = variables()
    settings, wrong = bootstrap.settings_of(environ)
    log_output.configure(level=settings.log_level)
    bootstrap.tell_wrong(wrong)
    bootstrap.start(settings, environ, who={}, folder=tempfile.gettempdir())
