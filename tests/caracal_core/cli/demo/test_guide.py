"""The tour names the demo's own places, safe to paste, and says what the money allows."""

import shlex
from pathlib import Path

import pytest

from caracal_core.cli.demo.guide import page, steps
from caracal_core.cli.demo.world import World
from caracal_core.domain import Money

PLACE = Path("/a b/$(touch oh)'s")
BASE, OPERATIONS = "http://127.0.0.1:1", "http://127.0.0.1:2"


@pytest.fixture
def tour():
    return steps(BASE, World(PLACE, PLACE / "demo.yaml", PLACE / "demo.token"), "/opt/my bin/c")


def test_every_command_is_one_line_of_its_own(tour):
    assert all("\n" not in step.command + step.title for step in tour)
    assert len({step.title for step in tour}) == len(tour)


def test_a_path_with_spaces_and_quotes_is_quoted(tour):
    words = shlex.split(tour[-1].command)
    assert words[0] == "/opt/my bin/c"
    assert words[words.index("--config") + 1] == str(PLACE / "demo.yaml")
    assert words[words.index("--set") + 1] == f"database.data_dir={PLACE}"
    quoted = shlex.quote(str(PLACE / "demo.token"))
    assert f"$(cat {quoted})" in tour[0].command


def test_the_time_is_the_pasters(tour):
    """A timestamp of the demo's start would soon be out of its window."""
    for step in tour:
        assert ("X-Caracal-Nonce" in step.command) == ("$(date +%s)" in step.command)


@pytest.mark.parametrize(
    ("left", "warned"), [("1", False), ("1.5", False), ("0.75", True), ("0", True)]
)
def test_money_that_earlier_demos_spent_is_told(tour, left, warned):
    text = page(tour, BASE, OPERATIONS, Money.parse(left, "USD"))
    assert (f"left {left} USD of today's budget" in text) == warned


def test_the_page_has_every_step_under_its_title(tour):
    text = page(tour, BASE, OPERATIONS, Money.parse("1", "USD"))
    for number, step in enumerate(tour, 1):
        assert f"\n# {number}. {step.title}\n{step.command}\n" in text
    assert text.count(OPERATIONS) >= 2
