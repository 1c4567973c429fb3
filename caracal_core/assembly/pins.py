"""Which exact plugin the operator meant: a name, a version, a digest of the installed files."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath

from msgspec import Struct

from caracal_core.errors import Misconfigured

_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})"
    r"(==(?P<version>[^@\s]{1,64})(@sha256:(?P<digest>[0-9a-f]{64}))?)?"
)
_MADE_BY_INSTALLER = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""Files beside the metadata that differ from one installation to the next."""


class Pin(Struct, frozen=True):
    """One item of ``plugins``.

    Attributes:
        name: name of the entry point.
        version: the only version that may be loaded; empty for any.
        digest: SHA-256 of the only files that may be loaded, as `files_digest` counts it;
            empty for any.
    """

    name: str
    version: str = ""
    digest: str = ""

    def __str__(self) -> str:
        version = f"=={self.version}" if self.version else ""
        return f"{self.name}{version}" + (f"@sha256:{self.digest}" if self.digest else "")


def parse_pin(text: str, where: str) -> Pin:
    """Read ``NAME``, ``NAME==VERSION`` or ``NAME==VERSION@sha256:DIGEST``.

    Raises:
        Misconfigured: it is none of them.
    """
    match = _PIN.fullmatch(text)
    if match is None:
        raise Misconfigured(
            where,
            f"{text!r} is not the name of a plugin",
            "Write NAME, NAME==VERSION or NAME==VERSION@sha256:DIGEST.",
        )
    return Pin(match["name"], match["version"] or "", match["digest"] or "")


def check_pin(pin: Pin, distribution: Distribution) -> Mapping[str, str]:
    """Refuse a distribution that is not the pinned one; nothing of it is imported.

    Returns:
        SHA-256 of each file that the pin's digest covers, by its path; empty without a digest.

    Raises:
        Misconfigured: its version or its files are others than the pin says.
    """
    where, label = f"plugin {pin.name}", f"{distribution.name} {distribution.version}"
    if pin.version and distribution.version != pin.version:
        raise Misconfigured(
            where,
            f"pinned to version {pin.version}, but {label} is installed",
            f"Install {distribution.name} {pin.version}, or change the pin.",
        )
    if not pin.digest:
        return {}
    files = _files_for(where, distribution)
    if (found := _digest_of(files)) != pin.digest:
        raise Misconfigured(
            where,
            f"the installed files of {label} are not the pinned ones (their digest is {found})",
            "Find out who changed them; reinstall the package, or change the pin.",
        )
    return files


def files_digest(distribution: Distribution) -> str | None:
    """Return SHA-256 over a distribution's recorded files, or None where they cannot be pinned.

    Counted are the paths and contents of all files in its RECORD that lie inside the
    installation directory, in the order of their paths, without compiled files (those of a
    pinned plugin are never read) and without the installer's own notes. A development
    installation records none of its sources, so it has no digest; so has one with a file
    missing.
    """
    files = _counted(distribution)
    return None if files is None else _digest_of(files)


def _counted(distribution: Distribution) -> Mapping[str, str] | None:
    """Return SHA-256 of each counted file by its path; None where they cannot be counted."""
    record = distribution.read_text("RECORD")
    if record is None or _is_editable(distribution):
        return None
    files: dict[str, str] = {}
    # Not `distribution.files`, which from Python 3.12 on leaves out what is missing.
    paths = [PurePosixPath(row[0]) for row in csv.reader(record.splitlines()) if row]
    for path in sorted(paths, key=str):
        if path.name in _MADE_BY_INSTALLER or path.suffix == ".pyc" or ".." in path.parts:
            continue
        try:
            content = Path(str(distribution.locate_file(path))).read_bytes()
            files[path.as_posix()] = hashlib.sha256(content).hexdigest()
        except OSError:
            return None
    return files


def _digest_of(files: Mapping[str, str]) -> str:
    lines = [f"{path}\0{sha256}\n" for path, sha256 in files.items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _files_for(where: str, distribution: Distribution) -> Mapping[str, str]:
    files = _counted(distribution)
    if files is None:
        raise Misconfigured(
            where,
            f"pinned by digest, but the files of {distribution.name} cannot be counted: it is a "
            "development installation, or a file of it is missing",
            "Install it from a wheel, or remove the digest from the pin.",
        )
    return files


def _is_editable(distribution: Distribution) -> bool:
    """Return whether it is a development installation, by PEP 660 and PEP 610."""
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        return bool(origin.get("dir_info", {}).get("editable", False))
    except (ValueError, AttributeError):
        return False
