"""No token or key is found in a dump of the store, in logs, metrics, pages or a traceback."""

import asyncio
import subprocess

import pytest

BROKEN = '''
import logging

from caracal_core.plugin import Plugin, hookimpl


class Breaks:
    """Raises with the request in hand, and says all that it holds."""

    scheme, challenge, headers, kinds = "breaks", "", frozenset(), frozenset({"certificate"})

    async def authenticate(self, request):
        if request.path.endswith("/breaks"):
            shown = dict(request.headers)
            logging.getLogger("caracal.theirs").debug("about to break with %s", shown)
            try:
                raise RuntimeError(f"broke with {shown} of {request}")
            except RuntimeError:
                logging.getLogger("theirs").exception("it broke with %r", shown)
                raise
        return None


class BreaksPlugin(Plugin):
    @hookimpl
    def authenticators(self, services):
        return [Breaks()]
'''
MODES = "breaks,mtls,jwt,api_key"
BROKEN_CALLS = 4
SHORTEST = 16
"""A piece of a credential this long would be found."""


@pytest.fixture
def dumped(postgresql):
    """Return all that a store holds: what pg_dump says of it, or the bytes of SQLite's files."""

    def dumped(one):
        if one.storage.embedded:
            files = [path for path in one.storage.data_dir.iterdir() if path.name != "hash.key"]
            return b"".join(path.read_bytes() for path in files)
        wanted = ["-h", one.storage.host, "-p", str(one.storage.port), "-U", one.storage.user]
        done = subprocess.run(  # noqa: S603 - the wheel's own program
            [postgresql.programs / "pg_dump", *wanted, "--inserts", one.storage.name],
            env={"PGPASSWORD": one.storage.password.get_secret_value()},
            capture_output=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    return dumped


def pieces(agent, certs):
    """Return what must not be found: each part of its token, and its key without the id."""
    secret = agent.key.split("_")[2]
    private = (certs / f"agent-{agent.name}.key").read_text().splitlines()[1:-1]
    every = [*agent.token.split(".")[1:], secret, secret[:SHORTEST], *private]
    every += [each[-40:] for each in agent.token.split(".")[1:]]
    assert all(len(each) >= SHORTEST for each in every)
    return [each.encode() for each in every]


def calls_of(anna, ben):
    """Return calls with their certificate, headers, path and status: right and wrong ones."""
    return [
        (None, anna.bearer, "/free/x", 200),
        (None, anna.api_key, "/free/x", 200),
        (None, {"Authorization": f"ApiKey {ben.key}"}, "/free/x", 200),
        ("anna", anna.api_key, "/free/x", 200),
        (None, anna.api_key, "/free/breaks", 503),
        (None, anna.bearer, "/free/breaks", 503),
        ("anna", {"Authorization": f"Bearer {anna.key}"}, "/free/breaks", 503),
        (None, {"Authorization": f"ApiKey {ben.key}"}, "/free/breaks", 503),
        ("anna", ben.bearer, "/free/x", 401),
        (None, {"X-API-Key": anna.key + "a"}, "/free/x", 401),
        (None, {"Authorization": f"Bearer {anna.token}a"}, "/free/x", 401),
        (None, {"Authorization": f"Bearer  {anna.token}"}, "/free/x", 401),
        (None, {"Authorization": anna.key}, "/free/x", 401),
        (None, anna.bearer | anna.api_key, "/free/x", 400),
        (None, anna.api_key | {"Authorization": f"Bearer {ben.key}"}, "/free/x", 400),
        (None, {}, f"/free/x?key={anna.key}", 400),
        (None, anna.bearer, f"/free/x?k={ben.key}", 400),
        (None, {}, f"/free/x?access_token={anna.token}", 401),
        (None, {}, f"/nowhere/{anna.key}/{ben.token}", 404),
        (None, anna.bearer | {"X-Request-ID": ben.key}, "/free/x", 200),
    ]


def found_in(written, pieces):
    """Return which pieces are found, and where."""
    return {(place, each) for place, text in written.items() for each in pieces if each in text}


@pytest.mark.parametrize("store", ["postgresql", "sqlite"])
async def test_no_credential_is_found_anywhere(
    store, deploy, enrol, line, packages, on_postgresql, certs, dumped, origin
):
    """Good, refused, doubled, in the query, and in the hands of a part that breaks."""
    packages.add("auth_breaks", code=BROKEN, attribute="BreaksPlugin")
    places = {"PYTHONPATH": str(packages.directory), "PYTHONFAULTHANDLER": "1"}
    environment = places | (on_postgresql if store == "postgresql" else {})
    one = await deploy(environment=environment, auth_mode=MODES)
    anna, ben = await enrol(one, "anna", "ben")
    calls = calls_of(anna, ben)
    answers = []
    for shown, headers, path, status in calls:
        async with line(one, shown) as connection:
            replied, fields, body = await connection.reply(headers, path)
            assert (replied, path, headers) == (status, path, headers)
            answers.append(f"{fields} {body}")
    pages = [await one.operator_sees(path) for path in ("/metrics", "/-/config", "/-/plugins")]
    assert {status for status, _ in pages} == {200}
    said = await asyncio.to_thread(one.caracal, "config", "show")
    listed = await asyncio.to_thread(one.caracal, "keys", "list", "--json")
    await one.stop()
    assert len(one.stories) == len(calls)
    traces = one.log.count("Traceback")
    assert traces == 2 * BROKEN_CALLS, "the part's own, and the house's since it logs at DEBUG"
    assert one.log.count("raised RuntimeError in Breaks.authenticate") == BROKEN_CALLS
    store_said = await asyncio.to_thread(dumped, one)
    assert anna.key_id.encode() in store_said, "the id is there: the right place was looked at"
    written = {
        "the store": store_said,
        "standard error": one.log.encode(),
        "standard output": repr(one.stories).encode(),
        "pages": repr(pages).encode(),
        "config show": said.encode(),
        "keys list": listed.encode(),
        "answers": "\n".join(answers).encode(),
        "the upstream": repr(origin.received).encode(),
    }
    assert found_in(written, [*pieces(anna, certs), *pieces(ben, certs)]) == set()
