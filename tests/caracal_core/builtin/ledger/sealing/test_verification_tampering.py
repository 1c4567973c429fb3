# ruff: noqa: S608 - tables and columns are the test's own
"""Whatever is changed behind the seals' back is found, and the first of it is named.

CARACAL_EXAMPLES says how many tamperings are tried on each database (150 unless given);
CARACAL_SEED repeats a run, and is shown by one that fails.
"""

from __future__ import annotations

import os
import random
import struct

import pytest

from caracal_core.builtin.ledger.sealing.verification import Verification

EXAMPLES = int(os.environ.get("CARACAL_EXAMPLES", "150"))
SEED = int(os.environ.get("CARACAL_SEED", random.SystemRandom().randrange(2**32)))
SEALED, UNSEALED, EACH = 40, 3, 7
IDS = [3 * number for number in range(1, SEALED + 1)]
SEALS = range(1, -(-SEALED // EACH) + 1)
END = SEALS[-1]


class Refused(Exception):
    """The database itself does not take it."""


class Tampering:
    """Does one random thing and says what has to be found: the seal, the entry, and why.

    Args:
        intruder: does it.
        dice: decides.
    """

    def __init__(self, intruder, dice):
        self.intruder, self.dice = intruder, dice
        self.kinds = [
            getattr(self, name)
            for name in sorted(dir(self))
            if name.startswith(("entry_", "seal_"))
        ]

    async def entry_flip(self):
        id_ = self.dice.choice(IDS)
        column = self.dice.choice([*await self._columns("entries")])
        value = await self._flip("entries", "id", id_, column)
        if column != "id":
            return _seal_of(id_), id_, "changed"
        if value > IDS[-1] or value > id_:
            return _seal_of(id_), id_, "missing"
        return _seal_of(value), value, "added"

    async def entry_delete(self):
        id_ = self.dice.choice(IDS)
        await self._do("DELETE FROM entries WHERE id = $1", id_)
        return _seal_of(id_), id_, "missing"

    async def entry_swap(self):
        one, other = sorted(self.dice.sample(IDS, 2))
        await self._swap("entries", "id", one, other)
        return _seal_of(one), one, "changed"

    async def entry_insert(self):
        """A copy of another: in a gap between two, or before the first."""
        new = self.dice.choice([id_ for id_ in range(-5, IDS[-1]) if id_ not in IDS])
        columns = ", ".join(c for c in await self._columns("entries") if c != "id")
        await self._do(
            f"INSERT INTO entries (id, {columns}) SELECT CAST($1 AS BIGINT), {columns}"
            " FROM entries WHERE id = $2",
            new,
            self.dice.choice(IDS),
        )
        return _seal_of(new), new, "added"

    async def entry_truncate(self):
        """All entries from one on, with those that were not sealed yet; the seals stay."""
        id_ = self.dice.choice(IDS)
        await self._do("DELETE FROM entries WHERE id >= $1", id_)
        return _seal_of(id_), id_, "missing"

    async def seal_truncate(self):
        """The tail of the chain with all that it covered, or without."""
        number = self.dice.choice(SEALS)
        await self._do("DELETE FROM seals WHERE number >= $1", number)
        if self.dice.random() < 0.5:
            await self._do("DELETE FROM entries WHERE id >= $1", IDS[(number - 1) * EACH])
        return number, None, "before the checkpoint"

    async def seal_flip(self):
        number = self.dice.choice(SEALS)
        column = self.dice.choice([*await self._columns("seals")])
        value = await self._flip("seals", "number", number, column)
        if column == "number" and number == END and value > 0:
            return number, None, "is missing"
        return (1 if column == "number" and value < 1 else number), None, "seal"

    async def seal_delete(self):
        number = self.dice.choice(SEALS)
        await self._do("DELETE FROM seals WHERE number = $1", number)
        return number, None, "before the checkpoint" if number == END else "is missing"

    async def seal_swap(self):
        one, other = sorted(self.dice.sample(SEALS, 2))
        await self._swap("seals", "number", one, other)
        return one, None, "seal"

    async def seal_insert(self):
        number = self.dice.choice([0, -1, END + 1, END + 2])
        columns = ", ".join(c for c in await self._columns("seals") if c != "number")
        await self._do(
            f"INSERT INTO seals (number, {columns}) SELECT CAST($1 AS BIGINT), {columns}"
            " FROM seals WHERE number = $2",
            number,
            self.dice.choice(SEALS),
        )
        return (END + 1 if number > END else 1), None, "seal"

    async def _columns(self, table):
        (row,) = await self.intruder.fetch(f"SELECT * FROM {table} ORDER BY 1 LIMIT 1")
        return row.keys()

    async def _do(self, sql, *arguments):
        if not await self.intruder.try_(sql, *arguments):
            raise Refused

    async def _swap(self, table, key, one, other):
        """Let two rows have each other's contents."""
        columns = ", ".join(c for c in await self._columns(table) if c != key)
        # In one statement, which sees both as they were.
        await self._do(
            f"UPDATE {table} SET ({columns}) = (SELECT {columns} FROM {table} AS other"
            f" WHERE other.{key} = $1 + $2 - {table}.{key}) WHERE {key} IN ($1, $2)"
            if self.intruder.dialect == "postgresql"
            else f"REPLACE INTO {table} ({key}, {columns}) SELECT $1 + $2 - {key}, {columns}"
            f" FROM {table} WHERE {key} IN ($1, $2)",
            one,
            other,
        )

    async def _flip(self, table, key, id_, column):
        """Flip one bit of a value, and return what it is now."""
        where = f"FROM {table} WHERE {key} = $1"
        ((old,),) = [r.values() for r in await self.intruder.fetch(f"SELECT {column} {where}", id_)]
        new, written = _flipped(old, self.dice), "$2"
        if isinstance(old, str):
            new, written = self._text(new)
        await self._do(f"UPDATE {table} SET {column} = {written} WHERE {key} = $1", id_, new)
        return new

    def _text(self, data):
        """Return how text is written that may be none: SQLite stores any bytes."""
        if self.intruder.dialect == "sqlite":
            return data, "CAST($2 AS TEXT)"
        try:
            return data.decode(), "$2"
        except UnicodeDecodeError:
            raise Refused from None


def _flipped(value, dice):
    if isinstance(value, int):
        return value ^ (1 << dice.randrange(63))
    if isinstance(value, float):
        (bits,) = struct.unpack(">q", struct.pack(">d", value))
        return struct.unpack(">d", struct.pack(">q", bits ^ (1 << dice.randrange(63))))[0]
    data = bytearray(value.encode() if isinstance(value, str) else value) or bytearray(b" ")
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def _seal_of(id_):
    before = sum(each < id_ for each in IDS)
    return before // EACH + 1


@pytest.fixture
async def checkpoints(database, enter, seal):
    """Seal a journal with gaps between its ids, and return the last seal's hash as expected."""
    overriding = "OVERRIDING SYSTEM VALUE" if database.dialect == "postgresql" else ""
    for id_ in IDS:
        await enter(1, id=id_, overriding=overriding)
    assert await seal(EACH) == SEALED
    for number in range(UNSEALED):
        await enter(1, id=IDS[-1] + 3 + number, overriding=overriding)
    (row,) = await database.fetch("SELECT hash FROM seals WHERE number = $1", END)
    return {END: [row["hash"]]}


async def test_every_tampering_is_found_and_the_first_of_it_is_named(
    database, checkpoints, intruder
):
    dice = random.Random(SEED)
    kinds, done = Tampering(intruder, dice).kinds, 0
    assert (await Verification(database, checkpoints).verify()).fault is None
    while done < EXAMPLES:
        kind = dice.choice(kinds)
        async with intruder.at_work():
            try:
                seal, entry, word = await kind()
            except Refused:
                continue
            fault = (await Verification(intruder, checkpoints).verify()).fault
        case = f"{kind.__name__} {done} of seed {SEED}: {fault}, not {(seal, entry, word)}"
        assert fault is not None, case
        assert (fault.seal, fault.entry) == (seal, entry), case
        assert word in fault.what, case
        done += 1
    verdict = await Verification(database, checkpoints).verify()
    assert (verdict.entries, verdict.unsealed, verdict.fault) == (SEALED, UNSEALED, None)
