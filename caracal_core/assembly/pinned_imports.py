"""Imports that a digest covers: only the judged files, compiled from their own sources."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    ExtensionFileLoader,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
)
from importlib.metadata import Distribution
from importlib.util import spec_from_file_location
from pathlib import Path, PurePosixPath
from types import CodeType, ModuleType

from msgspec import Struct

from caracal_core.errors import Misconfigured

_SUFFIXES = (".py", *EXTENSION_SUFFIXES)
_PACKAGE = "__init__"


class JudgedFile(Struct, frozen=True):
    """A file that can be imported, as it was when it was judged.

    Attributes:
        path: where it is.
        sha256: SHA-256 of its content.
        is_package: whether it is a package's own file.
    """

    path: str
    sha256: str
    is_package: bool


class PinnedFinder(MetaPathFinder):
    """Finds a distribution's modules in its judged files, wherever the path would lead.

    It goes first for as long as the process lives: a plugin may import late. What the
    distribution requires is found as ever; a pin covers the plugin's own files.

    Args:
        modules: the judged files by the names of their modules.
    """

    def __init__(self, modules: Mapping[str, JudgedFile]) -> None:
        self.modules = modules
        self._spaces = {space for name in modules for space in _parents(name)} - {*modules}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002 - the import system's own call
    ) -> ModuleSpec | None:
        """Find a module; None where it is not the distribution's.

        Raises:
            ModuleNotFoundError: it is said to be, and is none of the judged files.
        """
        file = self.modules.get(fullname)
        if file is not None:
            kind = PinnedSource if file.path.endswith(".py") else PinnedExtension
            folder = [str(Path(file.path).parent)] if file.is_package else None
            return spec_from_file_location(
                fullname, file.path, loader=kind(fullname, file), submodule_search_locations=folder
            )
        if fullname in self._spaces:
            return _namespace(fullname, path)
        if any(parent in self.modules for parent in _parents(fullname)):
            raise ModuleNotFoundError(f"{fullname} is no file of the pinned plugin", name=fullname)
        return None


class PinnedSource(SourceFileLoader):
    """Compiles a judged file; cached bytecode is neither read nor written."""

    def __init__(self, fullname: str, file: JudgedFile) -> None:
        super().__init__(fullname, file.path)
        self.file = file

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the judged source.

        Raises:
            ImportError: the file is another one by now.
        """
        data = self.get_data(self.file.path)
        _require_judged(self.file, data, fullname)
        code: CodeType = self.source_to_code(data, self.file.path)
        return code


class PinnedExtension(ExtensionFileLoader):
    """Loads a judged shared library."""

    def __init__(self, fullname: str, file: JudgedFile) -> None:
        super().__init__(fullname, file.path)
        self.file = file

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the library's module.

        Raises:
            ImportError: the file is another one by now.
        """
        _require_judged(self.file, Path(self.file.path).read_bytes(), spec.name)
        return super().create_module(spec)


def import_only(distribution: Distribution, files: Mapping[str, str], where: str) -> PinnedFinder:
    """Let a distribution's modules come from these files alone, from now on.

    Args:
        distribution: whose they are.
        files: SHA-256 of each file by its recorded path.
        where: the key to name in errors.

    Raises:
        Misconfigured: a module of it is imported already, and not from these files.
    """
    modules = dict(_modules(distribution, files))
    for name, file in modules.items():
        there = sys.modules.get(name)
        loader = getattr(getattr(there, "__spec__", None), "loader", None)
        if there is not None and getattr(loader, "file", None) != file:
            raise Misconfigured(
                where,
                f"the module {name} is in memory already, and does not come from the pinned files",
                "Restart the gateway, and find out who else imports it.",
            )
    for finder in sys.meta_path:
        if isinstance(finder, PinnedFinder) and finder.modules == modules:
            return finder
    finder = PinnedFinder(modules)
    sys.meta_path.insert(0, finder)
    return finder


def _modules(
    distribution: Distribution, files: Mapping[str, str]
) -> Iterator[tuple[str, JudgedFile]]:
    """Yield each file that is a module, and the module's name."""
    for path, sha256 in files.items():
        name = PurePosixPath(path).name
        suffix = next((s for s in _SUFFIXES if name.endswith(s)), None)
        if suffix is None:
            continue
        *folders, stem = path.removesuffix(suffix).split("/")
        is_package = stem == _PACKAGE
        words = folders if is_package else [*folders, stem]
        if words and all(word.isidentifier() for word in words):
            location = str(distribution.locate_file(path))
            yield ".".join(words), JudgedFile(location, sha256, is_package)


def _parents(name: str) -> Iterator[str]:
    while name := name.rpartition(".")[0]:
        yield name


def _namespace(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """Find a folder that several distributions share; one with code of its own is none (PEP 420).

    Raises:
        ModuleNotFoundError: it has code, which nobody judged.
    """
    spec = PathFinder.find_spec(name, path)
    if spec is not None and spec.origin is not None:
        raise ModuleNotFoundError(
            f"{name} should have no code of its own, but is {spec.origin}", name=name
        )
    return spec


def _require_judged(file: JudgedFile, data: bytes, name: str) -> None:
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise ImportError(f"{file.path} was changed after it was compared with the pin", name=name)
