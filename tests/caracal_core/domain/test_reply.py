"""A reply's head never changes; only its body streams."""

import pytest

from caracal_core.domain import Headers, Reply


async def _body():
    yield b"ok"


def test_a_reply_never_changes(frozen):
    frozen(Reply(200, Headers(), _body()))


def test_its_length_is_unknown_unless_told():
    assert Reply(200, Headers(), _body()).length is None


@pytest.mark.parametrize(
    ("field", "junk"),
    [
        *(("status", junk) for junk in ("200", None, 200.0, True)),
        *(("headers", junk) for junk in (None, {}, [])),
        *(("body", junk) for junk in (None, b"ok", [b"ok"])),
        *(("length", junk) for junk in ("2", 2.0, True)),
        *(("actual_cost", junk) for junk in (1, 0.5, b"1")),
    ],
)
def test_a_field_of_another_type_is_refused(field, junk):
    """Where it is made, so that whoever made it is named, and nothing behind it stumbles."""
    fields = {"status": 200, "headers": Headers(), "body": _body()} | {field: junk}
    with pytest.raises(TypeError, match=field.replace("_", " ")):
        Reply(**fields)
