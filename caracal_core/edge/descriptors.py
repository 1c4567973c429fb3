"""How many connections fit into the process's limit of open files."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress

from msgspec import Struct

from caracal_core.errors import Misconfigured

AGENTS_MAX = 10_000
OPERATORS_MAX = 1_000
_OPERATORS_LEAST = 8
_OPERATORS_PART = 16
"""Operators get one in so many descriptors, for probes must be answered whatever agents do."""


class Shares(Struct, frozen=True):
    """The most connections that are kept at once.

    Attributes:
        agents: on the agents' port.
        operators: on the operations port.
    """

    agents: int
    operators: int


def raise_limit() -> int:
    """Raise this process's limit of open files as far as it may, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def share(limit: int, upstreams: int, others: int) -> Shares:
    """Divide the open files, so that no accepted connection is one too many.

    A request has at most one upstream connection, so agents get what the upstreams' pools
    leave, or half where the pools could hold more than there is.

    Args:
        limit: how many files may be open.
        upstreams: how many connections the pools to all upstreams may hold.
        others: files of the store, the listening sockets, the logs and the like.

    Raises:
        Misconfigured: there are too few to serve with.
    """
    rest = limit - others
    operators = min(OPERATORS_MAX, max(_OPERATORS_LEAST, rest // _OPERATORS_PART))
    rest -= operators
    agents = min(AGENTS_MAX, max(rest - upstreams, rest // 2))
    if agents < 1:
        raise Misconfigured(
            "limit of open files",
            f"{limit} are too few: {others + operators} are needed to serve nobody yet",
            "Raise it (ulimit -n, LimitNOFILE=, or the container runtime's).",
        )
    return Shares(agents, operators)
