"""Case 18: nothing that a token says of its key is ever looked up, by whomever it is signed."""

import socket
import sqlite3
import sys

import pytest

PLACES = ("open", "socket", "sqlite3", "os.", "subprocess", "urllib", "shutil", "ctypes", "glob")
"""Beginnings of the audit events of files, sockets, databases and programs."""

MONSTER = {"kid": "a" * 10_000}
HARMLESS = [{"kid": "unknown"}, {"kid": "/dev/null"}]
HOSTILE = [
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


async def test_a_key_in_the_header_does_not_verify_its_own_signature(
    opened, issuer, make_issuer, refused
):
    """The forger's public key beside the forger's signature proves nobody."""
    forger = make_issuer("RS256", issuer.key.generate_key(2048))
    token = forger.token({"jwk": forger.key.as_dict(private=False)})
    assert refused(await opened(issuer), token)
