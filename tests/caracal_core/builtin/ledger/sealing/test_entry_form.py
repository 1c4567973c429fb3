"""The canonical form is fixed to the byte, on both databases, and strict about types."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest

from caracal_core.builtin.ledger.sealing.entry_form import (
    COLUMNS,
    LABEL_BYTES,
    SealedEntry,
    label,
    labelled_id,
    read,
)

ENTRY = SealedEntry(
    7, "c1", "posted", "zoë", "chat", 'r"1', "USD", 1_000_000, 2**63 - 1, "reply", "", "", 0.1
)
FORM = (
    b"caracal-entry-1\n"
    b'[7,"c1","posted","zo\xc3\xab","chat","r\\"1","USD",1000000,9223372036854775807,"reply","","",0.1]'
)


def test_the_form_is_fixed():
    """A change of it would make every sealed entry a changed one."""
    assert label(ENTRY) == (7).to_bytes(8) + sha256(FORM).digest()
    assert len(label(ENTRY)) == LABEL_BYTES


@pytest.mark.parametrize("id_", [1, 2**62, -5])
def test_a_label_begins_with_the_id(id_):
    assert labelled_id(label(msgspec.structs.replace(ENTRY, id=id_))) == id_


@pytest.mark.parametrize("column", SealedEntry.__struct_fields__)
def test_every_column_is_in_it(column):
    value = getattr(ENTRY, column)
    other = value + 1 if isinstance(value, int | float) else f"{value}x"
    assert label(msgspec.structs.replace(ENTRY, **{column: other})) != label(ENTRY)


@pytest.mark.parametrize("instant", [1_795_392_000.0, 1_795_392_000.123456, 0.0, 1e300])
async def test_both_databases_give_the_same_bytes(database, enter, instant):
    await enter(1, created_at=instant, amount_micro=2**63 - 1, held_micro=1, kind="posted")
    rows = await database.fetch(f"SELECT {COLUMNS} FROM entries")  # noqa: S608 - constants
    (entry,) = read(rows)
    expected = SealedEntry(
        1, "0" * 32, "posted", "alice", "chat", "request-0", "EUR", 1, 2**63 - 1, "reply", "", "",
        instant,
    )  # fmt: skip
    assert entry == expected
    assert label(entry) == label(expected)


@pytest.mark.parametrize("wrong", [b"c1", 1, None, 1.5])
def test_what_is_no_text_is_not_taken_for_it(wrong):
    """Bytes would else read as text in base64, and so have the same form."""
    row = {name: getattr(ENTRY, name) for name in ENTRY.__struct_fields__}
    assert read([row]) == [ENTRY]
    with pytest.raises(msgspec.ValidationError):
        read([{**row, "charge": wrong}])
