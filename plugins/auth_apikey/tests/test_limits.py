"""Limits are read strictly, since one that is mistyped would limit nothing or everything."""

import click
import pytest

from caracal_auth_apikey import limits


def read(callback, *values):
    return callback(None, None, values)


def test_each_is_read_once_and_in_order():
    assert read(limits.routes, "b*", "a", "b*") == ("b*", "a")
    assert read(limits.methods, "POST", "tools/call") == ("POST", "tools/call")
    assert read(limits.cidrs, "10.0.0.0/8", "2001:DB8::/32", "192.0.2.7") == (
        "10.0.0.0/8",
        "2001:db8::/32",
        "192.0.2.7/32",
    )


def test_none_is_no_limit():
    assert read(limits.routes) == read(limits.methods) == read(limits.cidrs) == ()


@pytest.mark.parametrize(
    ("callback", "value", "mend"),
    [
        (limits.routes, "", "ids are made of"),
        (limits.routes, "a b", "ids are made of"),
        (limits.routes, "[ab]", "ids are made of"),
        (limits.routes, "a" * 65, "ids are made of"),
        (limits.methods, "", "write GET"),
        (limits.methods, "GET POST", "write GET"),
        (limits.methods, "post", "write POST"),
        (limits.cidrs, "", "write 10.1.0.0/16"),
        (limits.cidrs, "10.0.0.1/8", "write 10.1.0.0/16"),
        (limits.cidrs, "10.0.0.0/33", "write 10.1.0.0/16"),
        (limits.cidrs, "localhost", "write 10.1.0.0/16"),
    ],
)
def test_what_is_mistyped_is_refused_with_its_mend(callback, value, mend):
    with pytest.raises(click.BadParameter) as refused:
        read(callback, value)
    assert mend in refused.value.message


def test_there_are_not_too_many():
    many = [f"route-{number}" for number in range(limits.MOST + 1)]
    assert read(limits.routes, *many[1:])
    with pytest.raises(click.BadParameter):
        read(limits.routes, *many)
