"""What of the newest configuration is in effect, and what of it waits for the next start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from caracal_core.assembly.furnishing import Furnishing
from caracal_core.config.effective import Setting, differing
from caracal_core.config.load import Loaded
from caracal_core.config.paths import dotted

AT_START = ("listen", "operations", "database", "tls", "drain_delay", "grace_timeout")
"""Core's keys that are read when the process starts; a change waits for the next start."""


class Standing:
    """The values that are in effect, through every live reload.

    Args:
        loaded: what the process started with; all of it is in effect.

    Attributes:
        waiting: core's keys and the plugins whose newest configuration waits.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._started = loaded.core
        self._newest = self._in_effect = _by_key(loaded.settings)
        self._differing: frozenset[str] = frozenset()
        self.waiting: Sequence[str] = ()

    def take(self, loaded: Loaded, furnishings: Iterable[Furnishing]) -> None:
        """Take note of a generation.

        Args:
            loaded: the configuration that it was made from.
            furnishings: its plugins; what keeps state was carried over with its own
                configuration.
        """
        core = differing(self._started, loaded.core, ())
        waiting = [key for key in AT_START if any(path[0] == key for path in core)]
        paths = [path for path in core if path[0] in AT_START]
        for each in furnishings:
            section = loaded.sections[each.name]
            if each.config != section:
                waiting.append(each.name)
                paths += differing(each.config, section, () if each.builtin else (each.name,))
        self.waiting, self._differing = tuple(waiting), frozenset(map(dotted, paths))
        self._newest = _by_key(loaded.settings)
        stay = {key: each for key, each in self._in_effect.items() if key in self._differing}
        come = {key: each for key, each in self._newest.items() if key not in self._differing}
        self._in_effect = {**come, **stay}

    def settings(self) -> Sequence[Mapping[str, Any]]:
        """Return each effective value and its origin, secrets masked.

        One that is to change at the next start has ``waiting``: its next value and origin, or
        None where the key will be gone. A key that will be new has the value None until then.
        """
        keys = dict.fromkeys([*self._newest, *self._in_effect])
        return [self._shown(key) for key in keys]

    def _shown(self, key: str) -> Mapping[str, Any]:
        now, then = self._in_effect.get(key), self._newest.get(key)
        shown: dict[str, Any] = {
            "key": key,
            "value": now.value if now else None,
            "origin": now.origin if now else "",
        }
        if key in self._differing:
            shown["waiting"] = {"value": then.value, "origin": then.origin} if then else None
        return shown


def _by_key(settings: Iterable[Setting]) -> Mapping[str, Setting]:
    return {setting.key: setting for setting in settings}
