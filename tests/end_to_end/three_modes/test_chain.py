"""The chain of the three modes, over real TLS: what is let in, and the one answer of all else."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from caracal_auth_apikey.key_text import generate
from caracal_core.testing.fakes import FakeAuthority

MODES = Path(__file__).parents[1] / "made_up_modes" / "modes.py"
SCHEMES = ["Bearer", "ApiKey"]
"""Whose challenges a 401 lists, in AUTH_MODE's order; a certificate has none."""
BAD_TOKEN = {"Authorization": "Bearer a.b.c"}


@pytest.fixture(scope="session")
def misnamed(certs, tmp_path_factory):
    """A directory with a certificate of the right authority that names no agent."""
    key = load_pem_private_key((certs / "ca.key").read_bytes(), None)
    authority = FakeAuthority("Caracal authority", now=time.time(), key=key)
    made = authority.issue("spiffe://caracal.local/human/anna", cn="anna")
    directory = tmp_path_factory.mktemp("misnamed")
    (directory / "agent-anna.crt").write_bytes(made.pem)
    (directory / "agent-anna.key").write_bytes(made.key_pem)
    return directory


async def test_every_combination_of_the_three(deploy, enrol, line, misnamed, foreign_certs):
    """Each alone; two that agree; two that do not; a bad one beside a good one; two headers."""
    one = await deploy()
    anna, ben = await enrol(one, "anna", "ben")
    as_bearer = {"Authorization": f"Bearer {anna.key}"}
    as_apikey = {"Authorization": f"ApiKey {anna.key}"}
    expected = [
        (None, anna.bearer, 200),
        (None, anna.api_key, 200),
        (None, as_bearer, 200),
        (None, as_apikey, 200),
        ("anna", {}, 200),
        ("anna", anna.bearer, 200),
        ("anna", anna.api_key, 200),
        ("anna", ben.bearer, 401),
        ("anna", ben.api_key, 401),
        ("anna", BAD_TOKEN, 401),
        ("anna", {"X-API-Key": "ck_"}, 401),
        ("ghost", anna.bearer, 401),
        ("ghost", anna.api_key, 401),
        (misnamed, anna.bearer, 401),
        (misnamed, {}, 401),
        (foreign_certs, anna.bearer, "TLS alert"),
        (None, anna.bearer | anna.api_key, 400),
        (None, BAD_TOKEN | anna.api_key, 400),
        (None, as_bearer | ben.api_key, 400),
        ("anna", anna.bearer | anna.api_key, 400),
        (None, {}, 401),
    ]
    for shown, headers, status in expected:
        of = {"agent": "anna", "of": shown} if isinstance(shown, Path) else {"agent": shown}
        async with line(one, **of) as connection:
            assert (await connection.ask(headers), shown, headers) == (status, shown, headers)
    assert "Traceback" not in one.log


async def test_nothing_shown_is_answered_with_every_challenge(deploy, line):
    one = await deploy()
    async with line(one) as connection:
        status, fields, _ = await connection.reply()
    assert status == 401
    challenges = ", ".join(fields.getall("WWW-Authenticate")).split(", ")
    assert [each.split()[0] for each in challenges] == SCHEMES


def told(reply):
    """Return all that a reply tells but the request's id and the time."""
    status, fields, body = reply
    members = json.loads(body)
    assert members.pop("instance").endswith(fields["X-Request-ID"])
    names = [(k, v) for k, v in fields.items() if k not in {"X-Request-ID", "Date"}]
    return status, names, sorted(members.items()), len(body)


async def test_whatever_is_wrong_is_told_to_nobody(
    deploy, enrol, line, certs, certificate_name_of, until
):
    """Unknown, revoked, expired, disabled and forged, by each of the modes: one answer."""
    one = await deploy()

    async def run(*words):
        return (await asyncio.to_thread(one.caracal, *words)).strip()

    anna, ben, off = await enrol(one, "anna", "ben", "off")
    mint = ("token", "mint", "--key", str(certs / "jwt_private.pem"))
    ghost = await run(*mint, "ghost")
    short_token = await run(*mint, "anna", "--expires-in", "1s")
    short_key = await run("keys", "issue", "anna", "--expires-in", "1s")
    await asyncio.gather(
        run("revocations", "add", "--scheme", "jwt", "--credential", ben.token_name),
        run("revocations", "add", "--scheme", "mtls", "--credential", certificate_name_of("ben")),
        run("keys", "revoke", ben.key_id),
        run("agents", "disable", "off"),
    )
    bad = {
        "nothing": (None, {}),
        "unknown agent's certificate": ("ghost", {}),
        "unknown agent's token": (None, {"Authorization": f"Bearer {ghost}"}),
        "unknown key": (None, {"X-API-Key": generate().text}),
        "mistyped key": (None, {"X-API-Key": anna.key[:-1]}),
        "forged token": (None, {"Authorization": f"Bearer {anna.token[:-8]}AAAAAAAA"}),
        "revoked certificate": ("ben", {}),
        "revoked token": (None, ben.bearer),
        "revoked key": (None, ben.api_key),
        "disabled agent's certificate": ("off", {}),
        "disabled agent's token": (None, off.bearer),
        "disabled agent's key": (None, off.api_key),
        "expired token": (None, {"Authorization": f"Bearer {short_token}"}),
        "expired key": (None, {"X-API-Key": short_key}),
        "another agent's token": ("anna", ben.bearer),
    }
    answers = {}
    for name, (shown, headers) in bad.items():
        async with line(one, shown) as connection:

            async def refused(connection=connection, headers=headers):
                return await connection.ask(headers) != 200

            await until(refused)
            answers[name] = told(await connection.reply(headers))
    assert answers["nothing"][0] == 401
    assert {name for name, each in answers.items() if each != answers["nothing"]} == set()
    async with line(one, "anna") as connection:
        assert await connection.ask(anna.api_key) == 200


async def test_a_strangers_mode_stands_in_the_chain_with_ours(
    deploy, enrol, line, packages, on_postgresql
):
    """A package that somebody else made is chosen by AUTH_MODE, ordered and judged like ours."""
    packages.add("auth_badge", code=MODES.read_text(), attribute="BadgePlugin")
    environment = {**on_postgresql, "PYTHONPATH": str(packages.directory)}
    one = await deploy(environment=environment, auth_mode="badge,mtls,api_key,jwt")
    anna, _ = await enrol(one, "anna", "ben")
    badge, bens = ({"X-Badge": f"{name}:1:4000000000"} for name in ("anna", "ben"))
    expected = [
        (None, badge, 200),
        ("anna", badge, 200),
        ("anna", bens, 401),
        ("anna", {"X-Badge": "forged:1:0"}, 401),
        ("ghost", badge, 401),
        (None, badge | anna.bearer, 400),
        (None, bens | anna.api_key, 400),
        ("anna", anna.bearer, 200),
        (None, anna.api_key, 200),
    ]
    for shown, headers, status in expected:
        async with line(one, shown) as connection:
            assert (await connection.ask(headers), shown, headers) == (status, shown, headers)
    async with line(one) as connection:
        _, fields, _ = await connection.reply()
    challenges = ", ".join(fields.getall("WWW-Authenticate")).split(", ")
    assert [each.split()[0] for each in challenges] == ["Badge", "ApiKey", "Bearer"]
    await one.stop()
    first, second = one.stories[:2]
    assert (first["proved"], second["proved"]) == (["badge"], ["badge", "mtls"])
