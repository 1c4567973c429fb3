"""PostgreSQL reads the very values that were written, whatever their characters are."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caracal_core.builtin.ledger.array_literal import array_literal
from caracal_core.storage.database import open_database
from caracal_core.storage.errors import Rejected

AWKWARD = ["", "NULL", "null", "{}", '"', "\\", "\\n", "\n", '\t\\"\x01', " a , b ", "\x7f", "ü€😀"]
ANY = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
TEXTS = st.lists(st.none() | st.sampled_from(AWKWARD) | ANY, max_size=8)


async def read(config, kind, columns):
    async with open_database(config) as database:
        return [
            (await database.fetch(f"SELECT CAST(CAST($1 AS TEXT) AS {kind}[]) AS a", text))[0]["a"]
            for text in map(array_literal, columns)
        ]


@given(columns=st.lists(TEXTS, min_size=1, max_size=20))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_text_is_read_as_it_is(postgres_config, columns):
    columns = [*columns, AWKWARD, *([each] for each in AWKWARD)]
    assert asyncio.run(read(postgres_config, "TEXT", columns)) == columns


async def test_numbers_are_read_as_they_are(postgres_config):
    whole = [[0, 2**63 - 1, None, -1], []]
    assert await read(postgres_config, "BIGINT", whole) == whole
    broken = [[0.0, 300.0, 1e300, 1795392000.123456, None]]
    assert await read(postgres_config, "DOUBLE PRECISION", broken) == broken


def test_half_a_character_is_refused():
    with pytest.raises(Rejected, match="cannot be encoded"):
        array_literal(["\ud800"])
