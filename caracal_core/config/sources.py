"""Where the configuration is read from, and one reading of all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from caracal_core.config.mounted import read_file, read_settings

SETTINGS_KEY = "CARACAL_SETTINGS_DIR"
FILE_KEY = "CARACAL_CONFIG"
SETTINGS_DIRECTORY = Path("/etc/caracal/settings")
FILE = Path("/etc/caracal/config/caracal.yaml")


class Snapshot(Struct, frozen=True):
    """Everything that the sources said at one moment, not yet understood.

    Attributes:
        overrides: of the command line, by dotted key or ConfigMap name; a string is taken like
            the environment's, anything else as it is.
        environment: the process's.
        settings: the settings directory's files.
        settings_directory: its path, for people.
        document: content of the YAML file; None where there is none.
        document_name: its path, for people.
    """

    overrides: Mapping[str, object]
    environment: Mapping[str, str]
    settings: Mapping[str, str]
    settings_directory: str
    document: bytes | None
    document_name: str

    def __repr__(self) -> str:
        return f"Snapshot({self.document_name}, {self.settings_directory})"

    @property
    def unfound(self) -> str:
        """Where nothing was found, and how another place is named; empty where a file was."""
        if self.document is not None:
            return ""
        said = (
            f"There is no configuration file {self.document_name}; "
            f"`--config` or {FILE_KEY} names another one."
        )
        if self.settings:
            return said
        return (
            f"{said} There are no settings in {self.settings_directory} either; "
            f"{SETTINGS_KEY} names another directory."
        )

    @property
    def digest(self) -> str:
        """SHA-256 of what may change while the process runs; for comparing, not for showing."""
        return hashlib.sha256(
            msgspec.json.encode([sorted(self.settings.items()), self.document])
        ).hexdigest()


class Sources(Struct, frozen=True):
    """The places to read.

    Attributes:
        overrides: see `Snapshot`.
        environment: see `Snapshot`.
        settings_directory: where a ConfigMap is mounted, one file a key.
        settings_required: whether the directory must exist.
        file: the YAML file.
        file_required: whether it must exist.
    """

    overrides: Mapping[str, object]
    environment: Mapping[str, str]
    settings_directory: Path
    settings_required: bool
    file: Path
    file_required: bool

    def __repr__(self) -> str:
        return f"Sources({self.file}, {self.settings_directory})"

    def read(self) -> Snapshot:
        """Read all of them once.

        Raises:
            Misconfigured: one cannot be read, or is larger than any configuration.
        """
        return Snapshot(
            self.overrides,
            self.environment,
            read_settings(self.settings_directory, required=self.settings_required),
            str(self.settings_directory),
            read_file(self.file, required=self.file_required),
            str(self.file),
        )


def locate(
    environment: Mapping[str, str],
    file: str | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Sources:
    """Find the places: the command line's word first, then the environment's, then the usual.

    Args:
        environment: the process's.
        file: the YAML file, as ``--config`` names it.
        overrides: what the command line sets.
    """
    named_file = file or environment.get(FILE_KEY)
    named_directory = environment.get(SETTINGS_KEY)
    return Sources(
        overrides or {},
        dict(environment),
        Path(named_directory) if named_directory else SETTINGS_DIRECTORY,
        bool(named_directory),
        Path(named_file) if named_file else FILE,
        bool(named_file),
    )
