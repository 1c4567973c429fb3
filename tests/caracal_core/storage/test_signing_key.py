"""The signing key: made once beside the embedded store, given beside PostgreSQL, never shown."""

from __future__ import annotations

import stat

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from caracal_core.assembly.masking import Masking
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.errors import Misconfigured
from caracal_core.ports import Signer
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.signing_key import SigningKey, SigningKeyFile, thumbprint

PLAIN = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
LOCKED = (Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))


def key_file(makes=True, **config):
    return SigningKeyFile(StorageConfig(**config), MountedSecrets(Masking()), makes=makes)


def test_the_embedded_store_makes_one_private_key_and_keeps_it(tmp_path):
    key = key_file(data_dir=tmp_path / "data").read()
    path = tmp_path / "data" / "signing.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert isinstance(key, Signer)
    assert key_file(data_dir=tmp_path / "data").read().id == key.id
    assert key_file(makes=False, data_dir=tmp_path / "data").read().id == key.id


def test_where_none_is_to_be_made_there_is_none(tmp_path):
    assert key_file(makes=False, data_dir=tmp_path / "data").read() is None
    assert not list(tmp_path.iterdir())


def test_beside_postgresql_there_is_none_unless_it_is_given(tmp_path):
    assert key_file(host="caracal-postgres", data_dir=tmp_path).read() is None
    assert not list(tmp_path.iterdir())
    given = Ed25519PrivateKey.generate()
    (tmp_path / "key").write_bytes(given.private_bytes(*PLAIN))
    key = key_file(host="caracal-postgres", signing_key_file=tmp_path / "key").read()
    assert key.public == given.public_key().public_bytes_raw()


def test_it_signs_as_its_public_key_verifies():
    key = SigningKey(Ed25519PrivateKey.generate())
    Ed25519PublicKey.from_public_bytes(key.public).verify(key.sign(b"data"), b"data")


def test_its_name_is_that_of_rfc_8037():
    """Appendix A.3."""
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_it_shows_its_name_and_nothing_else():
    key = SigningKey(Ed25519PrivateKey.generate())
    assert repr(key) == f"SigningKey({key.id})"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"secret words", "no private key"),
        (Ed25519PrivateKey.generate().private_bytes(*LOCKED), "without a password"),
        (ec.generate_private_key(ec.SECP256R1()).private_bytes(*PLAIN), "not an Ed25519 one"),
    ],
    ids=["empty", "text", "locked", "other"],
)
def test_what_is_no_such_key_is_explained_and_never_shown(tmp_path, content, what):
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(Misconfigured, match=what) as refused:
        key_file(signing_key_file=tmp_path / "key").read()
    assert "CARACAL_SIGNING_KEY_FILE" in refused.value.where
    assert "openssl genpkey -algorithm ed25519" in str(refused.value)
    assert not content or content.decode() not in str(refused.value)


def test_a_given_file_is_never_made(tmp_path):
    with pytest.raises(Misconfigured, match="No such file"):
        key_file(signing_key_file=tmp_path / "none", data_dir=tmp_path).read()
    assert not list(tmp_path.iterdir())
