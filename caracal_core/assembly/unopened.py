"""A store that nobody opened and a port that asks nobody, for a house that will never serve."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, NoReturn, TypeVar

from caracal_core.errors import Failure
from caracal_core.ports import Dialect, Row, Transaction
from caracal_core.storage.config import StorageConfig

T = TypeVar("T")


class UnopenedDatabase:
    """Stands where the store will stand; every verb raises `Failure`.

    Args:
        config: which store it will be.
    """

    def __init__(self, config: StorageConfig) -> None:
        self._config = config

    @property
    def dialect(self) -> Dialect:
        return "sqlite" if self._config.embedded else "postgresql"

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:  # noqa: ARG002 - the port's
        _refuse()

    async def execute(self, sql: str, *arguments: object) -> int:  # noqa: ARG002 - the port's
        _refuse()

    def transact(self, work: Transaction[T]) -> Coroutine[Any, Any, T]:  # noqa: ARG002 - the port's
        _refuse()


def no_authorities() -> tuple[bytes, ...]:
    """Stand where the agents' port would say whom it believes; it asks nobody."""
    return ()


def _refuse() -> NoReturn:
    raise Failure("database", "it is not open")
