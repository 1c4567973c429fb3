"""How far a long command is, on standard error: a line now and then, none for a short one."""

from __future__ import annotations

import click

EVERY = 100_000


class Progress:
    """Tells how many entries are done.

    Args:
        verb: what was done with them, such as ``verified``.
        every: a line is written each time that so many more are done.
    """

    def __init__(self, verb: str, every: int = EVERY) -> None:
        self._verb = verb
        self._every = every
        self._told = 0

    def __call__(self, done: int) -> None:
        """Take note of how many are done by now."""
        if done - self._told >= self._every:
            self._told = done
            click.echo(f"{done} entries {self._verb} ...", err=True)
