"""What a request asks to have included."""

from __future__ import annotations

from flask import request


def included() -> frozenset[str]:
    """Give the parts named by ``include=a,b`` and ``include=a&include=b``."""
    return frozenset(part for value in request.args.getlist("include") for part in value.split(","))
