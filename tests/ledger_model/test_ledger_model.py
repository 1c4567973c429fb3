"""The books agree with a plain dict of them after whatever happens, on either database.

``CARACAL_EXAMPLES=10000 pytest -s tests/ledger_model -k sqlite`` is a long run, and
``CARACAL_EXAMPLES=2000 ... -k postgresql`` the other; ``CARACAL_SEED`` repeats one.
"""

import os
import secrets

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from .books import Books
from .machine import NAMES, Ledgers

EXAMPLES = int(os.environ.get("CARACAL_EXAMPLES", "25"))
STEPS = 25
PHASES = (Phase.explicit, Phase.generate, Phase.target, Phase.shrink)


@pytest.mark.timeout(0 if "CARACAL_EXAMPLES" in os.environ else 120)
def test_the_books_agree_with_the_model(storage_config):
    """Batches, clock steps, crashes, expiry, budgets given and taken, and clients' keys."""
    number = int(os.environ.get("CARACAL_SEED", secrets.randbits(32)))
    print(f"CARACAL_SEED={number} CARACAL_EXAMPLES={EXAMPLES}")  # noqa: T201 - to repeat it
    books = Books(storage_config, NAMES)

    class Machine(Ledgers):
        real = books

    chosen = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, phases=PHASES,
        database=None, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        run_state_machine_as_test(seed(number)(Machine), settings=chosen)
    finally:
        books.close()
    print(f"{Machine.sequences} sequences, {Machine.steps} steps agreed")  # noqa: T201 - the report
