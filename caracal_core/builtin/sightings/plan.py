"""Who would get in under other authentication modes, judged by what agents showed until now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Literal

from msgspec import Struct

from caracal_core.builtin.sightings.wording import kinds_in_words, listed
from caracal_core.domain.credential_kinds import OWN, header_of
from caracal_core.domain.header_credentials import are_two
from caracal_core.storage.sightings import Seen

Verdict = Literal["gets in", "unsure", "would not", "unseen"]
"""From good to bad: an agent is judged by the worst of its requests."""

_WORSE: Sequence[Verdict] = ("gets in", "unsure", "would not")


class Mode(Struct, frozen=True):
    """One authenticator of the modes that are planned.

    Attributes:
        scheme: its scheme.
        headers: names of the header fields that it declares.
        kinds: the kinds of credentials that it takes.
        watched: whether what it takes has been recorded until now.
    """

    scheme: str
    headers: frozenset[str]
    kinds: frozenset[str]
    watched: bool = True


class Word(Struct, frozen=True):
    """What a scheme said of an agent, enabled or on trial.

    Attributes:
        first_day: the first day that it said anything.
        proved_on: the last day that it proved the agent; None is never. What it refused is judged
            request by request.
    """

    first_day: int
    proved_on: int | None


class Prospect(Struct, frozen=True):
    """What becomes of one agent.

    Attributes:
        agent: its name.
        verdict: whether it gets in.
        why: one sentence.
        requests: how many were seen.
        affected: how many of them the verdict is of.
        last_day: the last day it was seen; days since 1970-01-01, None where it never was.
    """

    agent: str
    verdict: Verdict
    why: str
    requests: int = 0
    affected: int = 0
    last_day: int | None = None


def prospects(
    modes: Sequence[Mode], sightings: Iterable[tuple[Seen, int]], agents: Iterable[str]
) -> Sequence[Prospect]:
    """Return what becomes of each agent, by name.

    Args:
        modes: the authenticators that would be enabled, in their order.
        sightings: what was seen of agents, and how often, sorted by agent.
        agents: the registered, enabled agents; what was seen of others does not matter.
    """
    unseen = set(agents)
    found = []
    for agent, of_agent in groupby(sightings, lambda each: each[0].agent):
        if agent in unseen:
            unseen.remove(agent)
            found.append(_prospect(agent, modes, list(of_agent)))
    why = "It was not seen in these days."
    found += [Prospect(agent, "unseen", why) for agent in unseen]
    return sorted(found, key=lambda prospect: prospect.agent)


def _prospect(agent: str, modes: Sequence[Mode], sightings: Sequence[tuple[Seen, int]]) -> Prospect:
    """Judge an agent by its worst requests, in the words for the latest of them."""
    known = _heard([seen for seen, _ in sightings])
    judged = [(*_judge(modes, seen, known), seen.day, count) for seen, count in sightings]
    worst = max((verdict for verdict, *_ in judged), key=_WORSE.index)
    affected = [each for each in judged if each[0] == worst]
    _, why, _, _ = max(affected, key=lambda each: each[2:])
    return Prospect(
        agent,
        worst,
        why,
        requests=sum(count for *_, count in judged),
        affected=sum(count for *_, count in affected),
        last_day=max(seen.day for seen, _ in sightings),
    )


def _heard(sightings: Iterable[Seen]) -> Mapping[str, Word]:
    """Return what every scheme that was asked said of an agent."""
    heard: dict[str, Word] = {}
    for seen in sorted(sightings, key=lambda each: each.day):
        said: dict[str, int | None] = dict.fromkeys(seen.trial_refused)
        said |= dict.fromkeys((*seen.proved, *seen.trial_proved), seen.day)
        for scheme, proved_on in said.items():
            before = heard.get(scheme, Word(seen.day, None))
            last = before.proved_on if proved_on is None else proved_on
            heard[scheme] = Word(before.first_day, last)
    return heard


def _judge(modes: Sequence[Mode], seen: Seen, known: Mapping[str, Word]) -> tuple[Verdict, str]:
    """Say what would become of these requests, and why."""
    if two := _two_headers(modes, seen):
        return "would not", f"It sends credentials in {listed(two)}, and one at most is accepted."
    proved = {*seen.proved, *seen.trial_proved}
    heard = proved | {*seen.trial_refused}
    takers = [
        mode
        for mode in modes
        if mode.kinds & {*seen.shown} or mode.scheme in heard or _unrecorded(mode, seen, known)
    ]
    if not takers:
        return _nothing_shown(modes, seen)
    refused = [mode for mode in takers if mode.scheme in seen.trial_refused]
    open_ = [mode for mode in takers if mode.scheme not in heard]
    open_ = [mode for mode in open_ if _proved_on(mode, known) < seen.day]
    refused += [mode for mode in open_ if mode.scheme in known and _proved_on(mode, known) < 0]
    if refused:
        mode = refused[0]
        shows = kinds_in_words(mode.kinds & {*seen.shown}) or "a credential"
        return "would not", f"It shows {shows} that {mode.scheme}, on trial, refused for it."
    if open_:
        mode = open_[0]
        shows = kinds_in_words(mode.kinds & {*seen.shown})
        never = "verified last on an earlier day" if mode.scheme in known else "never verified"
        return "unsure", f"It shows {shows} that {mode.scheme} {never}: put it in auth_trial."
    return "gets in", f"Proved by {listed([mode.scheme for mode in takers])}."


def _proved_on(mode: Mode, known: Mapping[str, Word]) -> int:
    """Return the last day that a mode proved the agent, or -1.

    A proof speaks for what was shown until its day: later, another credential may be shown.
    """
    word = known.get(mode.scheme)
    return -1 if word is None or word.proved_on is None else word.proved_on


def _unrecorded(mode: Mode, seen: Seen, known: Mapping[str, Word]) -> bool:
    """Return whether what the mode takes may have been shown before anybody could tell.

    A header of its own is a kind since the mode is enabled or on trial, and that began on the day
    of its first word at the latest.
    """
    own = all(kind.startswith(OWN) for kind in mode.kinds)
    return own and mode.scheme in known and seen.day <= known[mode.scheme].first_day


def _two_headers(modes: Sequence[Mode], seen: Seen) -> Sequence[str]:
    """Return the header fields with credentials, where they are more than are accepted."""
    declared = [mode.headers for mode in modes]
    names = {header for kind in seen.shown if (header := header_of(kind)) is not None}
    known = sorted(name for name in names if any(name in each for each in declared))
    return known if are_two(known, declared) else ()


def _nothing_shown(modes: Sequence[Mode], seen: Seen) -> tuple[Verdict, str]:
    for mode in modes:
        if not mode.watched:
            what = f"Whether it shows what {mode.scheme} takes is not recorded"
            return "unsure", f"{what}: put it in auth_trial."
    schemes = [mode.scheme for mode in modes]
    take = "does not take" if len(schemes) == 1 else "do not take"
    shown = kinds_in_words({*seen.shown})
    if not shown:
        return "would not", "The affected requests showed no credential that is known."
    what = f"The affected requests showed {shown} and nothing else"
    return "would not", f"{what}, which {listed(schemes)} {take}."
