"""What the demo prints: commands to paste, and what each of them answers."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from msgspec import Struct

from caracal_core.cli.demo.world import AGENT, BUDGET, PRICE, World
from caracal_core.domain import Money


class Step(Struct, frozen=True):
    """One thing to try.

    Attributes:
        title: what it shows and what to expect.
        command: one shell command, ready to paste.
    """

    title: str
    command: str


def steps(base: str, world: World, program: str) -> Sequence[Step]:
    """Return the tour.

    Args:
        base: the gateway's address, such as ``http://127.0.0.1:8443``.
        world: the demo's files.
        program: path of the command line.
    """
    token = f'-H "Authorization: Bearer $(cat {_quoted(world.token_file)})"'
    show = "curl -sS -w '\\n%{http_code}\\n'"
    once = '-H "X-Caracal-Nonce: $NONCE" -H "X-Caracal-Timestamp: $(date +%s)"'
    place = f"--config {_quoted(world.config)} --set database.data_dir={_quoted(world.directory)}"
    return (
        Step(
            f"A paid call, said once: 200, and {PRICE} USD are spent",
            f"NONCE=demo-$(date +%s); {show} {token} {once} {base}/paid/hello",
        ),
        Step(
            "The same nonce again: 409, nothing is spent",
            f"{show} {token} {once} {base}/paid/hello",
        ),
        Step("No token: 401", f"{show} {base}/paid/hello"),
        Step("A route no policy permits: 403", f"{show} {token} {base}/forbidden/hello"),
        Step(
            "A streamed reply on a free route, event by event: 200",
            f"curl -sSN -w '%{{http_code}}\\n' {token} {base}/free/stream",
        ),
        Step(
            f"Four more paid calls: 200 three times, then 402, for today's {BUDGET} USD are spent",
            f"for call in 2 3 4 5; do {show} {token} {base}/paid/hello; done",
        ),
        Step("What was spent", f"{_quoted(program)} ledger summary {place}"),
    )


def page(tour: Sequence[Step], base: str, operations: str, left: Money) -> str:
    """Return the tour as text for the terminal.

    Args:
        tour: the steps.
        base: the gateway's address.
        operations: its operations port's address.
        left: what the agent can still spend today; a directory keeps its earlier demos' books.
    """
    lines = ["", f"Caracal is serving on {base}, its operations port on {operations}."]
    lines += [f"One agent ({AGENT}), {BUDGET} USD a day, {PRICE} USD a paid call."]
    if left.micro < Money.parse(BUDGET, left.currency).micro:
        lines += [f"Earlier demos in this directory left {left} of today's budget."]
    lines += ["Paste in another terminal:"]
    for number, step in enumerate(tour, 1):
        lines += ["", f"# {number}. {step.title}", step.command]
    return "\n".join(
        [*lines, "", f"Also to see: {operations}/metrics and {operations}/-/config", ""]
    )


def _quoted(word: object) -> str:
    return shlex.quote(str(word))
