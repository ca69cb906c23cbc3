"""What is emitted: spans, metrics and log lines, all named in :mod:`v6client.telemetry.schema`."""
