"""Secrets, read from where the operator put them; `caracal_core.ports.Secrets`."""

from __future__ import annotations

import os
from pathlib import Path

from caracal_core.assembly.masking import Masking
from caracal_core.errors import Misconfigured
from caracal_core.ports import SecretSource

SECRET_BYTES = 65_536
"""The longest secret."""


class MountedSecrets:
    """Reads files and environment variables anew each time, so that a rotated one is found.

    Args:
        masking: is told every secret, so that no log shows it.
    """

    def __init__(self, masking: Masking) -> None:
        self._masking = masking

    def read(self, source: SecretSource) -> str:
        place, content = _content(source)
        secret = content.removesuffix("\n").removesuffix("\r")
        if not secret:
            raise Misconfigured(place, "the secret is empty", "Put the secret there.")
        self._masking.remember(secret)
        return secret


def _content(source: SecretSource) -> tuple[str, str]:
    """Return where a secret stands, in words, and what stands there."""
    if (source.file is None) is (source.env is None):
        raise Misconfigured("secret", "needs one of file and env", "Name exactly one of them.")
    if source.file is not None:
        return source.file, _read(Path(source.file))
    place = f"environment variable {source.env}"
    value = os.environ.get(source.env or "")
    if value is None:
        raise Misconfigured(place, "is not set", "Set it, or name a file instead.")
    return place, value


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SECRET_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise Misconfigured(
            str(path), f"the secret cannot be read ({reason})", "Mount the file, readable for us."
        ) from None
    if len(content) > SECRET_BYTES:
        raise Misconfigured(
            str(path), f"the secret is longer than {SECRET_BYTES} bytes", "Name another file."
        )
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Misconfigured(
            str(path), "the secret is not text in UTF-8", "Encode it, such as in base64."
        ) from None
