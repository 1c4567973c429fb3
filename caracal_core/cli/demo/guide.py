"""What the demo prints: commands to paste, and what each of them answers."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class Step(Struct, frozen=True):
    """One thing to try.

    Attributes:
        title: what it shows and what to expect.
        command: one shell command, ready to paste.
    """

    title: str
    command: str


def steps(base: str, token_file: str, caracal: str, config: str) -> Sequence[Step]:
    """Return the tour.

    Args:
        base: the gateway's address, such as ``http://127.0.0.1:8443``.
        token_file: path of the file that holds the agent's token.
        caracal: how to call the command line.
        config: path of the demo's ``caracal.yaml``.
    """
    token = f'-H "Authorization: Bearer $(cat {token_file})"'
    show = "curl -sS -w '\\n%{http_code}\\n'"
    once = '-H "X-Caracal-Nonce: $NONCE" -H "X-Caracal-Timestamp: $(date +%s)"'
    return (
        Step(
            "A paid call, said once: 200, and 0.25 USD are spent",
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
            "Four more paid calls: 200 three times, then 402, for the 1.00 USD of today is spent",
            f"for call in 2 3 4 5; do {show} {token} {base}/paid/hello; done",
        ),
        Step("What was spent", f"{caracal} ledger summary --config {config}"),
    )


def page(tour: Sequence[Step], base: str, operations: str) -> str:
    """Return the tour as text for the terminal."""
    lines = [
        "",
        f"Caracal is serving on {base}, its operations port on {operations}.",
        "One agent (demo-agent), 1.00 USD a day, 0.25 USD a paid call. Paste in another terminal:",
    ]
    for number, step in enumerate(tour, 1):
        lines += ["", f"# {number}. {step.title}", step.command]
    return "\n".join(
        [*lines, "", f"Also to see: {operations}/metrics and {operations}/-/config", ""]
    )
