"""The start that makes the embedded store, and the one beside a PostgreSQL that nobody prepared."""

import asyncio
import json

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


async def test_a_schema_that_nobody_made_is_said_first_and_by_nobody_else(
    gateway, origin, postgresql, storage_environment, until
):
    """Everything fails of it; one says so, readiness follows, and once it is made all is well."""

    async def ready():
        return (await one.operator_sees("/health/ready"))[0] == 200

    async def said_twice():
        return one.log.count("caracal db migrate up") > 1

    with postgresql.database() as config:
        environment = storage_environment(config)
        one = await gateway(origin.url, budget=None, environment=environment)
        assert not await ready()
        await until(said_twice)  # the log is written beside the answers
        first, *others = map(json.loads, one.log.splitlines())
        assert first["message"].startswith("the schema lacks caracal/0_accounts_and_nonces, ")
        assert "`caracal db migrate up`" in first["message"]
        (second,) = [each for each in others if "migrate up" in each["message"]]
        assert second["logger"] == "caracal.readiness"
        assert not [each for each in others if "not possible now" in each["message"]]
        await asyncio.to_thread(one.caracal, "db", "migrate", "up")
        await until(ready)
        await one.stop()
