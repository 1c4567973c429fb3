"""A word, or a credential, that may be said once."""

from __future__ import annotations

import re

from msgspec import Struct

VALUE = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
"""What a nonce, and anything else that is claimed like one, is spelt in."""


class Nonce(Struct, frozen=True):
    """A nonce as one principal used it.

    Attributes:
        scope: the principal's id; nonces of different agents never collide.
        value: the client's nonce, 1-128 visible ASCII characters.
        expires_at: unix seconds until which it must be remembered.
        issued_at: the timestamp of the request that bears it, in unix seconds. A guard that may
            have forgotten the past refuses what is older; None is as old as can be.
    """

    scope: str
    value: str
    expires_at: float
    issued_at: float | None = None


class Once(Struct, frozen=True):
    """What makes a credential good for one request, such as the ``jti`` of a token.

    Attributes:
        value: the same for every form of this credential and for no other one of its
            principal's: 1-128 visible ASCII characters, such as a digest of what names it.
        issued_at: unix seconds when it was issued, by its issuer's clock; it is held against the
            window of timestamps, so that it need not be remembered for as long as it proves.
    """

    value: str
    issued_at: float
