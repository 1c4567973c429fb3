"""How much of the gateway one client may use up: every wait and every size of the edge."""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Bounds on one client.

    Attributes:
        header_bytes: the longest request head, its last empty line not counted.
        header_count: the most header fields.
        header_seconds: how long a head may take from its first byte; more bytes win no time.
        keep_alive_seconds: how long a connection may stay silent between requests.
        max_request_bytes: the longest body, where the route did not say (`Body.cap`).
        pace_bytes: a client that sends a body must send this much ...
        pace_seconds: ... in this time, not counting the time nobody was reading.
        write_stall_seconds: how long a client may take nothing of what is waiting for it.
        linger_bytes: how much is read and thrown away after an early refusal, so that the
            client gets to read why, ...
        linger_seconds: ... and for how long.
        connections: how many at once; further ones are closed unheard.
    """

    header_bytes: int = 16_384
    header_count: int = 100
    header_seconds: float = 10.0
    keep_alive_seconds: float = 75.0
    max_request_bytes: int = 10 * 2**20
    pace_bytes: int = 1_000
    pace_seconds: float = 10.0
    write_stall_seconds: float = 30.0
    linger_bytes: int = 2**24
    linger_seconds: float = 2.0
    connections: int = 10_000
