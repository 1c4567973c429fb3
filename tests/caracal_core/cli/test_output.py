"""Listings are tables for people and JSON for programs; stored text never drives a terminal."""

from __future__ import annotations

import json

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.cli.output import fail, printable, show

ROWS = [
    {"name": "research-1", "enabled": True, "spent": "0.25", "hidden": 1},
    {"name": "b", "enabled": False, "spent": "10.00", "hidden": 2},
]


def test_a_table_is_aligned_and_numbers_stand_to_the_right(capsys):
    show(ROWS, ["name", "enabled", "spent"], as_json=False, empty="")
    assert capsys.readouterr().out == (
        "NAME        ENABLED  SPENT\nresearch-1  yes       0.25\nb           no       10.00\n"
    )


def test_what_a_row_lacks_is_a_dash_and_lists_are_words(capsys):
    show([{"a_b": None, "c": ("x", "y"), "d": ()}], ["a_b", "c", "d", "e"], as_json=False, empty="")
    assert capsys.readouterr().out == "A B  C     D  E\n  -  x, y  -  -\n"


def test_json_has_all_that_a_row_holds(capsys):
    show(ROWS, ["name"], as_json=True, empty="Nobody.")
    assert json.loads(capsys.readouterr().out) == ROWS


def test_nothing_is_a_sentence_or_an_empty_array(capsys):
    show([], ["name"], as_json=False, empty="Nobody is registered.")
    show([], ["name"], as_json=True, empty="Nobody is registered.")
    assert capsys.readouterr().out == "Nobody is registered.\n[]\n"


def test_a_failure_goes_to_standard_error_with_its_code(capsys):
    with pytest.raises(click.exceptions.Exit) as caught:
        fail("There is no such agent.\x1b[2J")
    assert caught.value.exit_code == 1
    assert capsys.readouterr() == ("", "There is no such agent.\\x1b[2J\n")


@given(st.text())
def test_no_control_character_reaches_the_terminal(text):
    assert printable(text).replace("\n", "").isprintable()


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_ordinary_text_stays(text):
    assert printable(text) == text


def test_a_cell_stays_on_its_line(capsys):
    show([{"a": "x\ny\x1b[31m"}], ["a"], as_json=False, empty="")
    assert capsys.readouterr().out == "A\nx y\\x1b[31m\n"
