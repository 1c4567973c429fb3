"""The limits of a key on the command line: which routes, which methods, from where."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network

import click

MOST = 64

_ROUTE = re.compile(r"[A-Za-z0-9._*?-]{1,64}", re.ASCII)
_METHOD = re.compile(r"[A-Za-z0-9_./-]{1,64}", re.ASCII)
_HTTP_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Callback = Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[str, ...]]


def _each(read: Callable[[str], str]) -> Callback:
    """Return a callback that reads every value of an option, and keeps each once."""

    def callback(
        _ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Read the values of an option."""
        if len(values) > MOST:
            raise click.BadParameter(f"at most {MOST} of them")
        return tuple(dict.fromkeys(map(read, values)))

    return callback


def _route(text: str) -> str:
    if not _ROUTE.fullmatch(text):
        raise click.BadParameter(
            f"{text!r} can match no route: ids are made of A-Z a-z 0-9 . _ -, "
            "and * and ? stand for others."
        )
    return text


def _method(text: str) -> str:
    if not _METHOD.fullmatch(text):
        raise click.BadParameter(f"{text!r} is no method; write GET, or an action of a plugin's.")
    if text.upper() in _HTTP_METHODS and text != text.upper():
        raise click.BadParameter(f"methods are case-sensitive; write {text.upper()}.")
    return text


def _cidr(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no network; write 10.1.0.0/16, 2001:db8::/32 or 192.0.2.7."
        ) from None


routes, methods, cidrs = _each(_route), _each(_method), _each(_cidr)
"""Callbacks for options that may be given several times."""
