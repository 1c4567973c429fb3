"""An id is new, has the form that charges' ids have, and stands behind all earlier ones."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from caracal_core.stages import charge_id as module
from caracal_core.stages.charge_id import charge_id


def at(monkeypatch, milliseconds):
    monkeypatch.setattr(module, "time_ns", lambda: milliseconds * 1_000_000 + 999_999)
    return charge_id()


def test_it_is_32_hexadecimal_digits():
    assert re.fullmatch("[0-9a-f]{32}", charge_id())


def test_two_of_one_millisecond_differ(monkeypatch):
    ids = {at(monkeypatch, 1_795_392_000_000) for _ in range(1000)}
    assert len(ids) == 1000
    assert {each[:12] for each in ids} == {f"{1_795_392_000_000:012x}"}


def test_later_ones_stand_behind(monkeypatch):
    ids = [at(monkeypatch, each) for each in (1, 2**40 - 1, 2**40, 2**48 - 1)]
    assert ids == sorted(ids)


@pytest.mark.parametrize("milliseconds", [-1, -(2**40), 2**48, 2**50])
def test_a_clock_that_is_far_off_makes_ids_of_the_same_form(monkeypatch, milliseconds):
    assert re.fullmatch("[0-9a-f]{32}", at(monkeypatch, milliseconds))


FORKED = """
import os
from caracal_core.stages.charge_id import charge_id
charge_id()
if os.fork() == 0:
    print(*(charge_id()[12:] for _ in range(300)), flush=True)
else:
    os.wait()
    print(*(charge_id()[12:] for _ in range(300)), flush=True)
"""


def test_processes_that_were_forked_off_make_ids_of_their_own():
    told = subprocess.run(  # noqa: S603 - the script above
        [sys.executable, "-c", FORKED], capture_output=True, text=True, check=True
    )
    assert len(set(told.stdout.split())) == 600
