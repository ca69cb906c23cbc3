"""JSON Web Tokens with the claims of the real server's."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

import jwt

from v6client.sandbox.server.replies import TokenRefusal

ACCESS_SECONDS = 6 * 3600
REFRESH_SECONDS = 48 * 3600
_ALGORITHM = "HS256"
_UNAUTHORIZED, _UNPROCESSABLE = 401, 422


def issue(
    secret: str,
    subject: int | Mapping[str, object],
    client_type: str,
    *,
    kind: str = "access",
    roles: tuple[str, ...] = (),
) -> str:
    """Sign a token; a container's never expires."""
    now = int(time.time())
    claims: dict[str, object] = {
        "fresh": False,
        "iat": now,
        "jti": str(uuid.uuid4()),
        "type": kind,
        "sub": subject,
        "nbf": now,
        "csrf": str(uuid.uuid4()),
    }
    if client_type != "container":
        claims["exp"] = now + (ACCESS_SECONDS if kind == "access" else REFRESH_SECONDS)
    claims["client_type"] = client_type
    claims["roles"] = list(roles)
    return jwt.encode(claims, secret, algorithm=_ALGORITHM)


def read(secret: str, authorization: str | None, *, kind: str = "access") -> dict[str, Any]:
    """Give the claims of an ``Authorization`` header, or refuse it as the real server does."""
    if not authorization:
        raise TokenRefusal(_UNAUTHORIZED, "Missing Authorization Header")
    words = authorization.split()
    if words[0] != "Bearer":
        raise TokenRefusal(
            _UNAUTHORIZED,
            "Missing 'Bearer' type in 'Authorization' header."
            " Expected 'Authorization: Bearer <JWT>'",
        )
    if len(words) != 2:  # noqa: PLR2004 - the scheme and the token
        raise TokenRefusal(
            _UNPROCESSABLE,
            "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'",
        )
    try:
        # The subject of a container is a mapping, of a node an integer: neither is the string
        # that RFC 7519 asks for, so its check is off.
        claims = jwt.decode(words[1], secret, [_ALGORITHM], options={"verify_sub": False})
    except jwt.ExpiredSignatureError as error:
        raise TokenRefusal(_UNAUTHORIZED, "Token has expired") from error
    except jwt.InvalidTokenError as error:
        raise TokenRefusal(_UNPROCESSABLE, str(error)) from error
    if claims.get("type") != kind:
        wanted = "refresh" if kind == "refresh" else "non-refresh"
        raise TokenRefusal(_UNPROCESSABLE, f"Only {wanted} tokens are allowed")
    return claims
