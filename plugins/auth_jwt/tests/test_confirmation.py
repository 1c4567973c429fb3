"""A token bound to a certificate works with that certificate only (RFC 8705 section 3)."""

import hashlib
from base64 import urlsafe_b64encode

import pytest

from caracal_auth_jwt.confirmation import check, thumbprint
from caracal_core.domain import Connection
from caracal_core.errors import Unauthenticated

CERTIFICATE = b"a certificate"
DIGEST = hashlib.sha256(CERTIFICATE).digest()


def text(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_token_that_is_bound_to_nothing_is_a_plain_bearer_token():
    assert thumbprint({"sub": "a"}) is None
    check(None, Connection("127.0.0.1"))
    check(None, Connection("127.0.0.1", tls=True, certificate=CERTIFICATE))


def test_the_thumbprint_is_read():
    assert thumbprint({"cnf": {"x5t#S256": text(DIGEST)}}) == DIGEST


@pytest.mark.parametrize(
    "bound",
    [
        None,
        {},
        [],
        "x",
        {"jkt": "abc"},
        {"jwk": {}},
        {"x5t#S256": ""},
        {"x5t#S256": None},
        {"x5t#S256": text(DIGEST) + "="},
        {"x5t#S256": text(DIGEST)[:-1] + "9"},
        {"x5t#S256": text(DIGEST[:31])},
        {"x5t#S256": text(DIGEST), "jkt": "abc"},
        {"x5t": text(DIGEST[:20])},
    ],
)
def test_a_token_bound_to_anything_else_is_refused(bound):
    """Nobody here checks a DPoP proof, so its token is no bearer token here."""
    with pytest.raises(Unauthenticated, match="No valid credential"):
        thumbprint({"cnf": bound})


def test_only_the_connection_with_the_certificate_may_show_it():
    check(DIGEST, Connection("127.0.0.1", tls=True, certificate=CERTIFICATE))
    for certificate in (None, b"", b"another certificate"):
        with pytest.raises(Unauthenticated) as caught:
            check(DIGEST, Connection("127.0.0.1", tls=True, certificate=certificate))
        assert "another certificate" in caught.value.internal


def test_a_token_bound_to_the_digest_of_nothing_is_not_shown_without_a_certificate():
    empty = hashlib.sha256(b"").digest()
    with pytest.raises(Unauthenticated):
        check(empty, Connection("127.0.0.1"))
