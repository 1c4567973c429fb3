"""Several faults at once: the operator hears of all of them, not of one a start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

from caracal_core.errors import Misconfigured


class SeveralMisconfigured(Misconfigured):
    """More than one fault.

    Attributes:
        problems: each of them.
    """

    def __init__(self, problems: Sequence[Misconfigured]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "configuration", f"{len(self.problems)} things are wrong", "Correct each of them."
        )

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class Problems:
    """Collects what is wrong, to be told at once.

    Args:
        found: what is known to be wrong already.
    """

    def __init__(self, found: Iterable[Misconfigured] = ()) -> None:
        self._found = list(found)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Collect what the block raises as `Misconfigured`, and go on after it."""
        try:
            yield
        except SeveralMisconfigured as several:
            self._found += several.problems
        except Misconfigured as problem:
            self._found.append(problem)

    def refuse(self) -> None:
        """Raise what was found, if anything was.

        Raises:
            Misconfigured: the only problem, or `SeveralMisconfigured`.
        """
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            raise SeveralMisconfigured(self._found)


def unknown(where: str, key: str, known: Iterable[str]) -> Misconfigured:
    """Return the problem of a key that does not exist, with the nearest that does.

    Args:
        where: where the key stands.
        key: the key as it is written there.
        known: the keys that may stand there.
    """
    known = sorted(known)
    near = get_close_matches(key, known, 1)
    if near:
        mend = f"Did you mean {near[0]}?"
    elif known:
        mend = f"Remove it, or use one of: {', '.join(known)}."
    else:
        mend = "Remove it."
    return Misconfigured(where, "no such key", mend)
