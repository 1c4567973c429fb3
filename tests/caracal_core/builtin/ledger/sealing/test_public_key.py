"""A public key is written so that other programs read it, and read back."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from caracal_core.builtin.ledger.sealing.public_key import read, written


def test_it_is_read_as_it_was_written():
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert written(public).startswith("-----BEGIN PUBLIC KEY-----\n")
    assert read(written(public).encode()) == public


def test_what_is_no_such_key_is_refused():
    spki = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for pem in (
        b"",
        b"x",
        ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*spki),
    ):
        with pytest.raises(ValueError, match=r"."):
            read(pem)
