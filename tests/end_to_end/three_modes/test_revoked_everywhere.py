"""What the command line revokes, each process refuses within 5 seconds, on kept connections."""

import asyncio
import logging
from contextlib import AsyncExitStack

REVOKED_SECONDS = 5
LOOK_SECONDS = 0.02

_log = logging.getLogger(__name__)


async def refused_at(line, headers):
    """Ask on and on; return when the call was refused first."""
    while (status := await line.ask(headers)) == 200:  # noqa: ASYNC110 - as `until`
        await asyncio.sleep(LOOK_SECONDS)
    assert status == 401
    return asyncio.get_running_loop().time()


async def test_both_processes_refuse_what_was_revoked_by_either(
    deploy, enrol, line, certs, certificate_name_of
):
    """A key, a token by its jti, a certificate, all tokens of an agent, and all that it has."""
    one, two = await deploy("one"), await deploy("two")
    anna, ben, off, dora = await enrol(one, "anna", "ben", "off", "dora", keys=["anna", "dora"])

    async def run(at, *words):
        return (await asyncio.to_thread(at.caracal, *words)).strip()

    jti, print_ = anna.token_name, certificate_name_of("ben")
    revoked = [
        (one, ("keys", "revoke", anna.key_id), None, anna.api_key),
        (two, ("revocations", "add", "--scheme", "jwt", "--credential", jti), None, anna.bearer),
        (one, ("revocations", "add", "--scheme", "mtls", "--credential", print_), "ben", {}),
        (two, ("revocations", "add", "--agent", "dora", "--scheme", "jwt"), None, dora.bearer),
        (two, ("revocations", "add", "--agent", "off"), "off", off.bearer),
    ]
    async with AsyncExitStack() as stack:
        lines = [
            [await stack.enter_async_context(line(at, shown)) for at in (one, two)]
            for _, _, shown, _ in revoked
        ]
        for pair, (_, _, _, headers) in zip(lines, revoked, strict=True):
            assert [await each.ask(headers) for each in pair] == [200, 200]

        async def refusing(pair, at, words, headers):
            asking = [asyncio.create_task(refused_at(each, headers)) for each in pair]
            await run(at, *words)
            ended = asyncio.get_running_loop().time()
            async with asyncio.timeout(REVOKED_SECONDS):
                return [moment - ended for moment in await asyncio.gather(*asking)]

        took = await asyncio.gather(
            *(
                refusing(pair, at, words, headers)
                for pair, (at, words, _, headers) in zip(lines, revoked, strict=True)
            )
        )
        _log.info("the longest took %.2f s", max(map(max, took)))
        assert [each.opened for pair in lines for each in pair] == [1] * 2 * len(revoked)
        mint = ("token", "mint", "anna", "--key", str(certs / "jwt_private.pem"))
        key, token = await asyncio.gather(run(one, "keys", "issue", "anna"), run(one, *mint))
        fresh = [{"X-API-Key": key}, {"Authorization": f"Bearer {token}"}]
        for headers in (*fresh, ben.bearer, dora.api_key):
            assert [await each.ask(headers) for each in lines[0]] == [200, 200]
