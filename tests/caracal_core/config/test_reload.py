"""A changed configuration is told once it stands still; a broken one changes nothing."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from caracal_core.config import reload
from caracal_core.config.load import load
from caracal_core.config.reload import Undecided, Watcher
from caracal_core.config.sources import locate
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Plugin


class Stage:
    """A settings directory as the kubelet mounts it, a YAML file, and what the watcher told."""

    def __init__(self, directory: Path, shelf) -> None:
        self.yaml = directory / "caracal.yaml"
        self.yaml.write_text("log_level: INFO")
        self.settings = directory / "settings"
        self._states = 0
        self.swap(LOG_LEVEL="INFO")
        environment = {"CARACAL_SETTINGS_DIR": str(self.settings)}
        self.sources = locate(environment, str(self.yaml))
        self.told: list[str] = []
        self.refused: list[str] = []
        self.raises: BaseException | None = None
        digest = load(self.sources.read(), shelf).digest
        self.watcher = Watcher(
            self.sources, shelf, digest, self._change, self._error, interval=0.01
        )
        self.heard = asyncio.Event()

    async def _change(self, loaded) -> None:
        self.heard.set()
        if self.raises:
            raise self.raises
        self.told.append(loaded.core.log_level)

    def _error(self, error: Misconfigured) -> None:
        self.refused.append(str(error))

    def swap(self, **settings: str) -> None:
        """Move ..data to a new state, as the kubelet does."""
        self._states += 1
        state = self.settings / f"..state_{self._states}"
        state.mkdir(parents=True)
        for key, value in settings.items():
            (state / key).write_text(value)
            if not (self.settings / key).is_symlink():
                (self.settings / key).symlink_to(f"..data/{key}")
        (self.settings / "..data_tmp").symlink_to(state.name)
        (self.settings / "..data_tmp").rename(self.settings / "..data")

    async def look(self, times: int = 2) -> None:
        for _ in range(times):
            await self.watcher.look()


@pytest.fixture
async def stage(tmp_path, shelf):
    return Stage(tmp_path, shelf(auth_jwt=Plugin))


async def test_nothing_is_told_while_nothing_changes(stage):
    await stage.look(5)
    assert (stage.told, stage.refused) == ([], [])


async def test_a_swapped_configmap_is_told_once(stage):
    stage.swap(LOG_LEVEL="DEBUG")
    await stage.look(5)
    assert stage.told == ["DEBUG"]


async def test_a_changed_file_is_told(stage):
    stage.swap()
    stage.yaml.write_text("log_level: ERROR")
    await stage.look()
    assert stage.told == ["ERROR"]


async def test_a_state_that_does_not_stand_still_is_passed_over(stage):
    """Between two looks at a file, an editor may have written half of it."""
    stage.swap()
    for half in ("log_level: DEB", "log_level: DEBU", "log_level: DEBUG"):
        stage.yaml.write_text(half)
        await stage.look(1)
    assert (stage.told, stage.refused) == ([], [])
    await stage.look(1)
    assert stage.told == ["DEBUG"]


async def test_another_wording_of_the_same_values_is_not_told(stage):
    stage.yaml.write_text("# a remark\nlog_level: INFO")
    await stage.look()
    assert stage.told == []


async def test_a_broken_configuration_is_reported_once_and_the_mended_one_told(stage):
    stage.swap(LOG_LEVEL="LOUD")
    await stage.look(5)
    assert len(stage.refused) == 1
    assert "LOG_LEVEL" in stage.refused[0]
    stage.swap(LOG_LEVEL="DEBUG")
    await stage.look()
    assert stage.told == ["DEBUG"]


async def test_the_return_to_what_is_in_effect_is_told_too(stage):
    """Whoever counts the error has to learn that it is over."""
    stage.swap(LOG_LEVEL="LOUD")
    await stage.look()
    stage.swap(LOG_LEVEL="INFO")
    await stage.look(5)
    assert stage.told == ["INFO"]


async def test_an_unreadable_place_is_reported_and_watched_on(stage):
    stage.yaml.rename(stage.yaml.with_suffix(".away"))
    await stage.look(3)
    assert len(stage.refused) == 1
    assert "does not exist" in stage.refused[0]
    stage.yaml.with_suffix(".away").rename(stage.yaml)
    stage.swap(LOG_LEVEL="DEBUG")
    await stage.look()
    assert stage.told == ["DEBUG"]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (Misconfigured("plugin acme", "cannot be opened", "Repair it."), "plugin acme"),
        (RuntimeError("hunter2"), "taking it into effect raised RuntimeError"),
        (SystemExit("hunter2"), "taking it into effect raised SystemExit"),
        (asyncio.CancelledError("hunter2"), "taking it into effect raised CancelledError"),
    ],
)
async def test_a_change_that_cannot_be_used_is_reported_and_the_next_one_told(stage, raised, told):
    stage.raises = raised
    stage.swap(LOG_LEVEL="DEBUG")
    await stage.look(3)
    assert len(stage.refused) == 1
    assert told in stage.refused[0]
    assert "hunter2" not in stage.refused[0]
    stage.raises = None
    stage.swap(LOG_LEVEL="ERROR")
    await stage.look()
    assert stage.told == ["ERROR"]


async def test_the_environment_never_reloads(stage, monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    await stage.look(3)
    assert stage.told == []


async def test_it_looks_until_it_is_cancelled(stage):
    watching = asyncio.create_task(stage.watcher.run())
    stage.swap(LOG_LEVEL="DEBUG")
    async with asyncio.timeout(10):
        await stage.heard.wait()
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert stage.told == ["DEBUG"]


async def test_whoever_asks_is_answered_at_the_first_sight(stage):
    """An operator who asks has finished writing."""
    stage.swap(LOG_LEVEL="DEBUG")
    await stage.watcher.look(asked=True)
    assert stage.told == ["DEBUG"]


async def test_whoever_asks_hears_that_nothing_changed(stage, caplog):
    with caplog.at_level(logging.INFO, "caracal.reload"):
        await stage.look(3)
        assert caplog.messages == []
        await stage.watcher.look(asked=True)
    (message,) = caplog.messages
    assert message.startswith("nothing changed, the configuration ")
    assert (stage.told, stage.refused) == ([], [])


async def test_whoever_asks_has_a_broken_state_judged_anew(stage):
    """A file that the configuration only names may have been mended."""
    stage.raises = Misconfigured("plugin acme", "its file is missing", "Mount it.")
    stage.swap(LOG_LEVEL="DEBUG")
    await stage.look(3)
    assert len(stage.refused) == 1
    stage.raises = None
    await stage.look(3)
    assert stage.told == []
    await stage.watcher.look(asked=True)
    assert stage.told == ["DEBUG"]


async def test_what_could_not_be_judged_is_told_once_and_tried_until_it_can(stage, monkeypatch):
    """Such as while the store is down that has to be asked."""
    monkeypatch.setattr(reload, "AGAIN_SECONDS", 0)
    stage.raises = Undecided("database", "it cannot be asked", "Repair it.")
    stage.swap(LOG_LEVEL="DEBUG")
    await stage.look(5)
    assert len(stage.refused) == 1
    stage.raises = Misconfigured("database", "the schema lacks a table", "Migrate.")
    await stage.look(5)
    assert len(stage.refused) == 2
    stage.raises = Undecided("database", "it cannot be asked", "Repair it.")
    stage.swap(LOG_LEVEL="ERROR")
    await stage.look(5)
    stage.raises = None
    await stage.look(5)
    assert (len(stage.refused), stage.told) == (3, ["ERROR"])


async def test_what_could_not_be_judged_is_not_tried_at_each_look(stage):
    stage.raises = Undecided("database", "it cannot be asked", "Repair it.")
    stage.swap(LOG_LEVEL="DEBUG")
    await stage.look(3)
    stage.raises = None
    await stage.look(3)
    assert stage.told == []
    await stage.watcher.look(asked=True)
    assert stage.told == ["DEBUG"]


async def test_asking_ends_the_wait_for_the_next_look(stage):
    """The looks are an hour apart here."""
    stage.watcher._interval = 3600
    watching = asyncio.create_task(stage.watcher.run())
    async with asyncio.timeout(10):
        while not stage.watcher._last:  # noqa: ASYNC110 - the first look tells nobody
            await asyncio.sleep(0)
        stage.swap(LOG_LEVEL="DEBUG")
        stage.watcher.look_now()
        await stage.heard.wait()
    watching.cancel()
    await asyncio.wait([watching])
    assert stage.told == ["DEBUG"]


async def test_sources_that_hang_are_told_once_and_looked_at_again(stage, monkeypatch):
    """A dead mount; when it lives again, what it says counts."""
    alive, hung, read = threading.Event(), [], type(stage.sources).read

    def hang(sources):
        hung.append(sources)
        alive.wait(20)
        return read(sources)

    monkeypatch.setattr(type(stage.sources), "read", hang)
    monkeypatch.setattr(reload, "READ_SECONDS", 0.01)
    await stage.look(4)
    assert len(hung) == 1  # and not another thread for each look
    (refused,) = stage.refused
    assert "reading its sources takes longer than 0.01 s" in refused
    monkeypatch.setattr(reload, "READ_SECONDS", 20)
    stage.swap(LOG_LEVEL="DEBUG")
    alive.set()
    await stage.look(4)
    assert stage.told == ["DEBUG"]


async def test_a_stop_during_a_change_is_a_stop(stage):
    changing = asyncio.Event()

    async def change(loaded):
        changing.set()
        await asyncio.Event().wait()

    stage.watcher._on_change = change
    watching = asyncio.create_task(stage.watcher.run())
    stage.swap(LOG_LEVEL="DEBUG")
    async with asyncio.timeout(10):
        await changing.wait()
        watching.cancel()
        await asyncio.wait([watching])
    assert watching.cancelled()
    assert stage.refused == []
