"""The deployment's own hash keys: read from their file, which the embedded store has made."""

from __future__ import annotations

import re
import secrets as randomness
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from caracal_core.domain import HashKey
from caracal_core.domain.hash_key import SECRET_BYTES_MIN
from caracal_core.errors import Misconfigured
from caracal_core.ports import Secrets, SecretSource
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.data_dir import is_there, make_private

FILE = "hash.key"
KEYS_MAX = 8
WHERE = "database.hash_key_file (CARACAL_HASH_KEY_FILE)"

_MEND = "Give every gateway and the command line the same file; `openssl rand -hex 32` makes a key."
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){32,64}", re.ASCII)


class HashKeyFile:
    """Implements `HashKeys` on a file with one key a line, the first of which makes hashes.

    A line is 64 to 128 hexadecimal digits; empty lines and those that begin with ``#`` are
    skipped. Without a configured file the embedded store makes one in its data directory.

    Args:
        config: names the file, or the data directory.
        secrets: reads the file.
        makes: whether the embedded store's own file is made where it is missing; where not, a
            key that is kept nowhere stands for the one that would be made.
    """

    def __init__(self, config: StorageConfig, secrets: Secrets, *, makes: bool = True) -> None:
        self._config, self._secrets, self._makes = config, secrets, makes

    def read(self) -> tuple[HashKey, ...]:
        path = self._config.hash_key_file or self._own_file()
        if path is None:
            return (HashKey(randomness.token_bytes(SECRET_BYTES_MIN)),)
        try:
            text = self._secrets.read(SecretSource(file=str(path)))
        except Misconfigured as error:
            raise Misconfigured(WHERE, f"{error.where}: {error.what}", _MEND) from None
        keys = tuple(_keys(text, path))
        if not 1 <= len(keys) <= KEYS_MAX:
            _refuse(f"{path} has {len(keys)} keys instead of 1 to {KEYS_MAX}")
        if len({key.id for key in keys}) < len(keys):
            _refuse(f"{path} has a key twice")
        return keys

    def _own_file(self) -> Path | None:
        """Return the embedded store's own file; None where it is missing and is not to be made."""
        if not self._config.embedded:
            _refuse("it is not set, and gateways that share a PostgreSQL must share their keys")
        path = self._config.data_dir / FILE
        if not self._makes and not is_there(path):
            return None
        make_private(path, f"{randomness.token_hex(32)}\n".encode())
        return path


def _keys(text: str, path: Path) -> Iterator[HashKey]:
    for number, line in enumerate(text.splitlines(), 1):
        digits = line.strip()
        if digits.startswith("#") or not digits:
            continue
        if not _HEX.fullmatch(digits):
            _refuse(f"line {number} of {path} is not 64 to 128 hexadecimal digits")
        yield HashKey(bytes.fromhex(digits))


def _refuse(what: str) -> NoReturn:
    raise Misconfigured(WHERE, what, _MEND)
