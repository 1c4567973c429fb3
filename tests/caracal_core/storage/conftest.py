"""Works on the embedded store that stop half way until they are told to go on."""

import asyncio
import threading

import pytest

INSERT = "INSERT INTO nonces VALUES ($1, $2, 0, 0)"


class Held:
    """A transaction that inserts a nonce and then holds the writer's thread.

    Args:
        value: the nonce's value.
    """

    def __init__(self, value="held"):
        self._value = value
        self._begun = threading.Event()
        self._may_end = threading.Event()

    async def __call__(self, tx):
        await tx.execute(INSERT, "a", self._value)
        self._begun.set()
        assert self._may_end.wait(30)
        return self._value

    async def begun(self):
        assert await asyncio.to_thread(self._begun.wait, 30)

    def let_go(self):
        self._may_end.set()


@pytest.fixture
def held():
    work = Held()
    yield work
    work.let_go()
