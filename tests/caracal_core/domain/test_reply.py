"""A reply's head never changes; only its body streams."""

from caracal_core.domain import Headers, Reply


async def _body():
    yield b"ok"


def test_a_reply_never_changes(frozen):
    frozen(Reply(200, Headers(), _body()))


def test_its_length_is_unknown_unless_told():
    assert Reply(200, Headers(), _body()).length is None
