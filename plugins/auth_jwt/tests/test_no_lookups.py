"""Case 18: nothing that a token says of its key is ever looked up, by whomever it is signed."""

import json
import socket
import sqlite3
import sys

import pytest

from caracal_core.errors import Unauthenticated
from caracal_core.testing.fakes import FakeClock, FakeHttp

PLACES = ("open", "socket", "sqlite3", "os.", "subprocess", "urllib", "shutil", "ctypes", "glob")
"""Beginnings of the audit events of files, sockets, databases and programs."""

URL = "https://idp.example/jwks.json"
MONSTER = {"kid": "a" * 10_000}
HARMLESS = [{"kid": "unknown"}, {"kid": "dev/null"}]
HOSTILE = [
    {"kid": "/dev/null"},
    {"kid": "|id"},
    {"kid": "../../x"},
    {"kid": "x' UNION SELECT 'key"},
    {"kid": "https://127.0.0.1:9/k"},
    MONSTER,
    {"jku": "https://127.0.0.1:9/jwks.json"},
    {"jku": "file:///etc/passwd"},
    {"x5u": "https://127.0.0.1:9/cert.pem"},
    {"x5c": ["MIIB"]},
]


class Watch:
    """Notes what the process touches while it is on; an audit hook cannot be taken back."""

    def __init__(self):
        self.on, self.seen = False, []
        sys.addaudithook(self._note)

    def _note(self, event, arguments):
        if self.on and event.startswith(PLACES):
            self.seen.append((event, arguments))

    def __enter__(self):
        self.seen, self.on = [], True
        return self

    def __exit__(self, *_):
        self.on = False


@pytest.fixture(scope="session")
def watch():
    """The one watch of this process."""
    return Watch()


def test_the_watch_sees_what_it_should(watch, tmp_path):
    """The proofs below would fail where a file, socket or database is touched."""
    with watch:
        (tmp_path / "x").write_bytes(b"")
        socket.socket().close()
        sqlite3.connect(":memory:").close()
    assert {event.split(".")[0] for event, _ in watch.seen} >= {"open", "socket", "sqlite3"}


@pytest.mark.parametrize("header", HOSTILE + HARMLESS, ids=lambda header: str(header)[:24])
async def test_a_forged_token_is_refused_and_nothing_is_touched(
    opened, issuer, make_issuer, watch, ask, refused, header
):
    """A foreign key's token, whatever key it names, brings or points to."""
    authenticator = await opened(issuer)
    assert ask(authenticator, f"Bearer {issuer.token()}").id == "research-1"
    foreign = make_issuer("RS256", issuer.key.generate_key(2048))
    token = foreign.token(header)
    with watch:
        assert refused(authenticator, token)
    assert watch.seen == []


@pytest.mark.parametrize("header", HOSTILE, ids=lambda header: str(header)[:24])
async def test_a_hostile_header_is_refused_even_if_signed(opened, issuer, watch, refused, header):
    """The pinned key's own token with a path, a URL, SQL or a monster in its header."""
    authenticator = await opened(issuer)
    token = issuer.token(header)
    with watch:
        assert refused(authenticator, token)
    assert watch.seen == []


@pytest.mark.parametrize("header", HARMLESS, ids=str)
async def test_a_name_that_only_looks_like_a_place_changes_nothing(
    opened, issuer, watch, ask, header
):
    """The pinned key is the key, whatever the token calls it."""
    authenticator = await opened(issuer)
    token = issuer.token(header)
    with watch:
        assert ask(authenticator, f"Bearer {token}").id == "research-1"
    assert watch.seen == []


@pytest.fixture
async def published(open_issuers, issuer, make_issuer, tmp_path):
    """An authenticator over a JWK Set at a URL and one in a file, and its way to the URL."""
    http = FakeHttp()
    http.put(URL, jwks_of(issuer))
    (tmp_path / "jwks.json").write_bytes(jwks_of(make_issuer("ES256")))
    more = {"audience": "caracal", "agents": "*"}
    jwt = await open_issuers(
        {"issuer": URL, "algorithms": ["RS256"], "jwks_url": URL, **more},
        {"issuer": "f", "algorithms": ["ES256"], "jwks_file": str(tmp_path / "jwks.json"), **more},
        http=http,
    )
    return jwt, http


def jwks_of(issuer):
    jwk = issuer.key.as_dict(private=False) | {"kid": "known", "alg": issuer.algorithm}
    return json.dumps({"keys": [jwk]}).encode()


@pytest.mark.parametrize("header", HOSTILE + HARMLESS, ids=lambda header: str(header)[:24])
@pytest.mark.parametrize(("iss", "algorithm"), [(URL, "RS256"), ("f", "ES256")])
async def test_nothing_that_a_token_says_is_looked_up_among_published_keys_either(
    published, make_issuer, watch, refused, header, iss, algorithm
):
    """Not even the issuer's own URL is asked: it was, a moment ago."""
    jwt, http = published
    tokens = [
        make_issuer(algorithm).token({"kid": "known"} | header, iss=iss, aud="caracal"),
        make_issuer(algorithm, make_key_like(make_issuer, algorithm)).token(header, iss=iss),
    ]
    with watch:
        for token in tokens:
            assert refused(jwt, token)
    assert watch.seen == []
    assert http.asked == [URL]


def make_key_like(make_issuer, algorithm):
    key = make_issuer(algorithm).key
    return key.generate_key(2048) if algorithm == "RS256" else key.generate_key("P-256")


@pytest.mark.parametrize(
    "iss", ["https://evil.example/", "../../f", "file:///etc/passwd", "' OR 1=1", "x" * 4000]
)
async def test_nor_is_an_issuer_that_only_the_token_trusts(published, issuer, watch, refused, iss):
    jwt, http = published
    token = issuer.token({"kid": "known"}, iss=iss, aud="caracal")
    with watch:
        assert refused(jwt, token)
    assert watch.seen == []
    assert http.asked == [URL]


async def test_an_unknown_key_id_asks_the_configured_url_and_no_other(
    open_issuers, issuer, make_issuer, bearer
):
    """However many come, once in the stated time, and without a word of theirs."""
    http, clock = FakeHttp(), FakeClock(1_800_000_000)
    http.put(URL, jwks_of(issuer))
    entry = {"audience": "caracal", "agents": "*", "algorithms": ["RS256"], "jwks_url": URL}
    jwt = await open_issuers(entry, http=http, clock=clock)
    for _ in range(3):
        clock.advance(10)
        for number in range(20):
            with pytest.raises(Unauthenticated):
                await jwt.authenticate(bearer(issuer.token({"kid": f"n{number}"}, aud="caracal")))
    assert http.asked == [URL] * 4
    assert (await jwt.authenticate(bearer(issuer.token({"kid": "known"}, aud="caracal")))).id


async def test_a_key_in_the_header_does_not_verify_its_own_signature(
    opened, issuer, make_issuer, refused
):
    """The forger's public key beside the forger's signature proves nobody."""
    forger = make_issuer("RS256", issuer.key.generate_key(2048))
    token = forger.token({"jwk": forger.key.as_dict(private=False)})
    assert refused(await opened(issuer), token)
