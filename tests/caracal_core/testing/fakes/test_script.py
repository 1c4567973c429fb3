"""A script is made of values: equal where they say the same, and never changed."""

import pytest

from caracal_core.testing.fakes.script import Answer, Cut, Hold, stream


def test_steps_are_values():
    assert Answer(201) == Answer(201)
    with pytest.raises(AttributeError):
        Cut().declared = False
    assert Hold().first == b"first"


async def test_a_stream_yields_its_chunks():
    assert [data async for data in stream([b"a", b"b"])] == [b"a", b"b"]
