"""Proved here: an upstream's fields change together or not at all, and never end a line."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from caracal_core.builtin.upstreams.config import SecretHeader
from caracal_core.builtin.upstreams.own_fields import OwnField, OwnFields
from caracal_core.builtin.upstreams.request_head import RequestHead
from caracal_core.domain import Headers
from caracal_core.errors import Misconfigured
from caracal_core.testing.fakes.services import FakeSecrets


@pytest.fixture
def known():
    """The secrets, by their files; a test may change them."""
    return {"/a": "first", "/b": "second"}


@pytest.fixture
def secrets(known):
    secrets = FakeSecrets()
    secrets._known = known
    return secrets


@pytest.fixture
def head():
    return RequestHead("api.example", "", ())


@pytest.fixture
def fields(secrets, head):
    """Two fields from files, and one that stands in the configuration."""

    def field(name, given):
        return OwnField("up", name, given, secrets)

    return OwnFields(
        {
            "A": field("A", SecretHeader(secret_file="/a")),
            "B": field("B", SecretHeader(secret_file="/b")),
            "C": field("C", SecretStr("literal")),
        },
        head,
    )


def written(head, *fields):
    return head.write("GET", "/", Headers(fields), 0).decode().split("\r\n")


async def test_the_head_has_what_was_read_and_the_clients_field_of_the_name_is_gone(fields, head):
    assert await fields.read()
    lines = written(head, ("a", "the-clients"), ("other", "stays"))
    assert {"host: api.example", "A: first", "B: second", "C: literal", "other: stays"} <= set(
        lines
    )
    assert "the-clients" not in "".join(lines)


async def test_nothing_changes_where_nothing_changed(fields):
    await fields.read()
    assert not await fields.read()


async def test_a_changed_secret_is_in_the_next_head(fields, head, known):
    await fields.read()
    known["/b"] = "rotated"
    assert await fields.read()
    assert "B: rotated" in written(head)


@pytest.mark.parametrize(
    "broken", ["", "hidden\nb", "hidden\r\nX: y", "hidden\0", " hidden", "hidden\u00e4"]
)
async def test_where_one_cannot_be_used_none_is_taken_up_until_it_can(fields, head, known, broken):
    """A key and its identifier may stand in two files: half of a pair proves nobody."""
    await fields.read()
    known.update({"/a": "rotated", "/b": broken})
    for _ in range(2):
        with pytest.raises(Misconfigured) as raised:
            await fields.read()
    assert "hidden" not in str(raised.value)
    assert {"A: first", "B: second"} <= set(written(head))
    known["/b"] = "second"
    assert await fields.read()
    assert {"A: rotated", "B: second"} <= set(written(head))


async def test_one_field_is_read_by_itself_too(secrets, known):
    field = OwnField("up", "X", SecretHeader(secret_file="/a"), secrets)
    assert await field.read()
    assert not await field.read()
    known["/a"] = "two\nlines"
    with pytest.raises(Misconfigured, match=r"^upstreams\.up\.headers\.X: its value"):
        await field.read()
