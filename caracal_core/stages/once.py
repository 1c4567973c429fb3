"""What an authenticator says is good for one request makes sense, or nobody goes by it."""

from __future__ import annotations

import sys
from typing import Any

from msgspec.structs import astuple

from caracal_core.domain import Once
from caracal_core.domain.nonce import VALUE
from caracal_core.errors import Failure

ONCE_MAX = 8
"""How much one credential may say once; each is claimed."""


def check_once(part: str, scheme: str, said: Any) -> None:
    """Check what a principal may say once, before any of it is claimed.

    A time that is no number is neither too old nor too new, and would pass every window.

    Args:
        part: the authenticator.
        scheme: the scheme that it proves by.
        said: `Principal.once` as it gave it.

    Raises:
        Failure: it is no tuple of at most 8 `Once`, a value is not of the nonces' alphabet and
            length, or a time is no finite number.
    """
    if not isinstance(said, tuple):
        raise Failure(part, f"{scheme}: once is a {type(said).__name__} instead of a tuple")
    if len(said) > ONCE_MAX:
        raise Failure(part, f"{scheme}: once holds more than {ONCE_MAX}")
    for each in said:
        if not isinstance(each, Once):
            raise Failure(part, f"{scheme}: once holds a {type(each).__name__}")
        value, *times = astuple(each)
        if not isinstance(value, str) or not VALUE.fullmatch(value):
            raise Failure(part, f"{scheme}: a value of once is not 1-128 visible ASCII characters")
        if not all(map(is_time, times)):
            raise Failure(part, f"{scheme}: a time of once is no finite number")


def is_time(time: Any) -> bool:
    """Whether it is a number that a float can hold; ``nan`` compares to nothing."""
    return isinstance(time, (int, float)) and abs(time) <= sys.float_info.max
