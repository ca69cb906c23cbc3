"""Times as the vantage6 server gives them: ISO 8601, in UTC without a zone."""

from __future__ import annotations

from datetime import datetime, timezone


def seconds_of(text: object) -> float | None:
    """Read a time.

    Parameters
    ----------
    text
        Such as ``2026-01-31T12:00:00`` or ``2026-01-31T12:00:00.123456``; where it has a zone after
        all, that holds.

    Returns
    -------
    float or None
        Seconds since 1970; ``None`` where it is no time.
    """
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
