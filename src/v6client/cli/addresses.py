"""Addresses that a person or a variable gives."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def http_parts(address: str) -> SplitResult | None:
    """Split an address of HTTP; ``None`` where it is none.

    Parameters
    ----------
    address
        Anything.
    """
    try:
        parts = urlsplit(address)
        # Looked at, because a port is checked only then.
        is_one = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_one else None
