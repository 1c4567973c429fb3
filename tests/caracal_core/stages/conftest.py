"""A warden on patrol, and the deadline of the test's own task."""

import asyncio

import pytest

from caracal_core.stages.deadline import Warden


@pytest.fixture
async def warden():
    warden = Warden()
    patrol = asyncio.create_task(warden.patrol())
    yield warden
    patrol.cancel()


@pytest.fixture
def watched(warden):
    """Run a coroutine function in a task of its own, with that task's `Due`."""

    def start(work):
        async def run():
            due = warden.watch()
            try:
                return await work(due)
            finally:
                warden.release(due)

        return asyncio.ensure_future(run())

    return start
