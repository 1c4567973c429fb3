"""The deployment's signing key: read from its file, which the embedded store has made."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from caracal_core.errors import Misconfigured
from caracal_core.ports import Secrets, SecretSource
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.data_dir import make_private

FILE = "signing.key"
WHERE = "database.signing_key_file (CARACAL_SIGNING_KEY_FILE)"

_MEND = "`openssl genpkey -algorithm ed25519` makes a key."


class SigningKey:
    """Implements `caracal_core.ports.Signer` with an Ed25519 key (RFC 8032).

    Args:
        key: the private key; it is never shown.
    """

    __slots__ = ("_key", "id", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = thumbprint(self.public)

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)

    def __repr__(self) -> str:
        """Name the key; its secret is never shown."""
        return f"SigningKey({self.id})"


class SigningKeyFile:
    """Implements `caracal_core.ports.SigningKeys` on a PEM file (PKCS #8, not encrypted).

    Without a configured file the embedded store has one in its data directory; beside PostgreSQL
    there is none then, for gateways that share a database must share their key.

    Args:
        config: names the file, or the data directory.
        secrets: reads the file.
        makes: whether the embedded store's own file is made where it is missing.
    """

    def __init__(self, config: StorageConfig, secrets: Secrets, *, makes: bool = True) -> None:
        self._config, self._secrets, self._makes = config, secrets, makes

    def read(self) -> SigningKey | None:
        path = self._config.signing_key_file or self._own_file()
        if path is None:
            return None
        try:
            text = self._secrets.read(SecretSource(file=str(path)))
        except Misconfigured as error:
            raise Misconfigured(WHERE, f"{error.where}: {error.what}", _MEND) from None
        try:
            key = load_pem_private_key(text.encode(), None)
        except (ValueError, TypeError):  # the latter where it is encrypted
            _refuse(f"{path} is no private key in PEM without a password")
        if not isinstance(key, Ed25519PrivateKey):
            _refuse(f"the key in {path} is not an Ed25519 one")
        return SigningKey(key)

    def _own_file(self) -> Path | None:
        if not self._config.embedded:
            return None
        path = self._config.data_dir / FILE
        if not path.exists():
            if not self._makes:
                return None
            make_private(
                path,
                Ed25519PrivateKey.generate().private_bytes(
                    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
                ),
            )
        return path


def thumbprint(public: bytes) -> str:
    """Return the name of a public key, which follows from it: its JWK thumbprint (RFC 7638)."""
    x = urlsafe_b64encode(public).rstrip(b"=").decode()
    document = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
    return urlsafe_b64encode(sha256(document.encode()).digest()).rstrip(b"=").decode()


def _refuse(what: str) -> NoReturn:
    raise Misconfigured(WHERE, what, _MEND) from None
