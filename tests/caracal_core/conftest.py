"""Distributions made up for tests: a module and its metadata on a path of their own."""

from __future__ import annotations

import hashlib
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("caracal", deadline=None)  # a busy machine makes no test fail
settings.load_profile("caracal")

PLUGIN = '''
from caracal_core.plugin import Config, Plugin, hookimpl, setting


class {name}Config(Config):
    """A made-up section."""

    depth: int = setting(3, env="{env}_DEPTH", description="How deep.", ge=1)


class ThePlugin(Plugin[{name}Config]):
    """A made-up plugin."""

    Config = {name}Config

    @hookimpl
    def observers(self, services):
        return ()
'''


METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


class Packages:
    """Installs made-up distributions into a directory on the path."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def add(
        self,
        name: str,
        *,
        code: str | None = None,
        distribution: str | None = None,
        version: str = "1.0.0",
        attribute: str = "ThePlugin",
        extra: dict[str, str] | None = None,
    ) -> Path:
        """Install a distribution that offers a plugin; return the path of its module."""
        distribution = distribution or name.replace("_", "-")
        module = f"{distribution.replace('-', '_')}_module"
        source = PLUGIN.format(name=name.title().replace("_", ""), env=name.upper())
        info = f"{distribution.replace('-', '_')}-{version}.dist-info"
        files = {
            f"{module}.py": source if code is None else code,
            f"{info}/METADATA": METADATA.format(name=distribution, version=version),
            f"{info}/entry_points.txt": f"[caracal.plugins]\n{name} = {module}:{attribute}\n",
            **{f"{info}/{key}": value for key, value in (extra or {}).items()},
        }
        for path, text in files.items():
            (self.directory / path).parent.mkdir(exist_ok=True)
            (self.directory / path).write_text(text)
        record = [f"{path},{_digest(text)},{len(text)}" for path, text in files.items()]
        (self.directory / info / "RECORD").write_text("\n".join([*record, f"{info}/RECORD,,", ""]))
        return self.directory / f"{module}.py"


def _digest(text: str) -> str:
    digest = urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256={digest.rstrip('=')}"


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    """An empty directory on the path, into which a test installs what it needs."""
    directory = tmp_path / "site"
    directory.mkdir()
    monkeypatch.syspath_prepend(directory)
    before = set(sys.modules)
    yield Packages(directory)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(directory)):
            del sys.modules[name]
