"""A statement says what was signed, to whoever has the public key, and nothing else passes."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from caracal_core.builtin.ledger.sealing import public_key
from caracal_core.builtin.ledger.sealing.statement_form import (
    LONGEST,
    BadStatement,
    Checkpoint,
    checked,
    signed,
)
from caracal_core.storage.signing_key import SigningKey

KEY, OTHER = (SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in (1, 2))
KEYS = {KEY.id: KEY.public}
CHECKPOINT = Checkpoint(3, "ab" * 32, 99, 12.5, 13.5)


def part(document):
    return urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def forged(header, payload=None, key=KEY):
    body = f"{part(header)}.{part(payload or msgspec.to_builtins(CHECKPOINT))}"
    signature = urlsafe_b64encode(key.sign(body.encode())).rstrip(b"=").decode()
    return f"{body}.{signature}"


HEADER = {"alg": "Ed25519", "kid": KEY.id, "typ": "caracal-checkpoint"}


def test_what_was_signed_is_read_back():
    assert checked(signed(CHECKPOINT, KEY), KEYS) == CHECKPOINT
    assert checked(forged(HEADER), KEYS) == CHECKPOINT


def test_anybodys_library_verifies_it():
    """With the public key as it is printed."""
    key = OKPKey.import_key(public_key.written(KEY.public))
    found = jws.deserialize_compact(signed(CHECKPOINT, KEY), key, algorithms=["Ed25519"])
    assert json.loads(found.payload)["hash"] == CHECKPOINT.hash
    assert found.headers()["kid"] == KEY.id == key.thumbprint()


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("", "no compact JWS"),
        ("a.b", "no compact JWS"),
        ("a.b.c.d", "no compact JWS"),
        ("a.b.c\n", "no compact JWS"),
        ("a" * LONGEST + ".b.c", "no compact JWS"),
        ("e30.e30.e30", "no checkpoint"),
        (forged({**HEADER, "alg": "none"}), "no checkpoint"),
        (forged({**HEADER, "typ": "JWT"}), "no checkpoint"),
        (forged({**HEADER, "crit": ["x"]}), "no checkpoint"),
        (forged(HEADER, {**msgspec.to_builtins(CHECKPOINT), "hash": "xy"}), "no checkpoint"),
        (forged(HEADER, {**msgspec.to_builtins(CHECKPOINT), "number": "3"}), "no checkpoint"),
        (forged(HEADER, key=OTHER), "its signature is not"),
        (signed(CHECKPOINT, OTHER), "it names the key"),
    ],
)
def test_what_is_not_genuine_is_refused(statement, why):
    with pytest.raises(BadStatement, match=why):
        checked(statement, KEYS)


def test_no_bit_of_it_can_be_flipped():
    head, payload, signature = signed(CHECKPOINT, KEY).split(".")
    data = bytearray(urlsafe_b64decode(payload + "=="))
    for place in range(len(data)):
        changed = data.copy()
        changed[place] ^= 1
        text = urlsafe_b64encode(changed).rstrip(b"=").decode()
        with pytest.raises(BadStatement):
            checked(f"{head}.{text}.{signature}", KEYS)
