"""The start that makes the embedded store, and the command line beside it, write the same books."""

import asyncio

AGENT, CALLS = "agent-1", 3


async def test_what_is_said_on_the_command_line_takes_effect_and_nothing_is_lost(gateway, origin):
    """Each command is the store's last user but one, and leaves it whole for the gateway."""
    one = await gateway(origin.url, budget=None)

    async def caracal(*words):
        await asyncio.to_thread(one.caracal, *words)

    await caracal("agents", "register", AGENT)
    for calls in range(1, CALLS + 1):
        await caracal("budgets", "set", AGENT, f"{calls * 0.25}", "USD")
        async with one.client() as client:
            for status in (200, 402):
                async with client.get("/paid/x") as reply:
                    assert reply.status == status
                    await reply.read()
        await caracal("ledger", "summary")
    await one.stop()
    assert await one.entries() == [("posted", "0.25", "reply")] * CALLS
