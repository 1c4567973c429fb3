"""A store that nobody opened: what a check of the configuration hands to plugins."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import NoReturn

from caracal_core.errors import Failure
from caracal_core.ports import Dialect, Row, Statements


class Unopened:
    """Implements `Database`; every verb raises `Failure`.

    Args:
        dialect: of the store that would be opened.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect: Dialect = dialect

    async def fetch(self, _sql: str, *_arguments: object) -> Sequence[Row]:
        return _refuse()

    async def execute(self, _sql: str, *_arguments: object) -> int:
        return _refuse()

    def transaction(self) -> AbstractAsyncContextManager[Statements]:
        return _refuse()


def _refuse() -> NoReturn:
    raise Failure("database", "it is not open while the configuration is only checked")
