"""The client's ``Idempotency-Key``: one key, one charge.

A key does not replace the nonce: who tries again sends the same key with a fresh nonce.
"""

from __future__ import annotations

import re
from hashlib import sha256

from msgspec import Struct

from caracal_core.domain import Headers, Request, Route
from caracal_core.domain.field_names import canonical
from caracal_core.errors import BadRequest, PayloadTooLarge

FIELD = "idempotency-key"
MOST_BYTES = 2**20
"""The longest body that comes with a key, for it is kept until its fingerprint is known."""

_KEY = re.compile(r"[\x20-\x7e]{1,255}", re.ASCII)


class Keyed(Struct, frozen=True):
    """A key, and what it stands for.

    Attributes:
        key: as the client sent it.
        fingerprint: hexadecimal SHA-256 over the method, the target and the body.
    """

    key: str
    fingerprint: str


async def read_key(request: Request, route: Route) -> Keyed | None:
    """Return the request's key, or None where it has none; the body is kept to be streamed.

    Raises:
        BadRequest: there are two, it is no key, or the body is too long for one.
        Answered: as reading a `Body` does.
    """
    values = request.headers.all(FIELD)
    if not values:
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise BadRequest("An Idempotency-Key is one field of 1 to 255 printable ASCII characters.")
    try:
        body = await request.body.peek(MOST_BYTES)
    except PayloadTooLarge:
        if route.terms.max_request_bytes <= MOST_BYTES:
            raise
        raise BadRequest("With an Idempotency-Key, a body has at most 1 MiB.") from None
    target = f"{request.path}?{request.query}"
    return Keyed(values[0], _digest(request.method.encode(), target.encode(), body))


def upstream_keys(headers: Headers, agent: str) -> Headers:
    """Return the headers with each key replaced by one that no other agent's can meet.

    All agents share the upstream's credential, and so its memory of keys: one agent's reply
    would be given to another that happens to send the same key.
    """
    if not any(_is_key(name) for name, _ in headers):
        return headers
    return Headers(
        (name, _digest(b"agent", agent.encode(), value.encode()) if _is_key(name) else value)
        for name, value in headers
    )


def _is_key(name: str) -> bool:
    return name == FIELD or ("_" in name and canonical(name) == FIELD)


def _digest(*parts: bytes) -> str:
    """Hash the parts, each behind its length, so that no two lists of parts read alike."""
    state = sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.hexdigest()
