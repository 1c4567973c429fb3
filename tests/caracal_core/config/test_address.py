"""Addresses to listen on: host and port, IPv6 in brackets, and nothing that only looks so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from caracal_core.config.address import Address, ListenAddress, parse_address

ADDRESS = TypeAdapter(ListenAddress)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8443", Address("127.0.0.1", 8443)),
        ("localhost:0", Address("localhost", 0)),
        ("[::]:8443", Address("::", 8443)),
    ],
)
def test_forms(text, address):
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8443",
        ":8443",
        "host:",
        "host:65536",
        "host:-1",
        "host:\u0665",
        "::1:80",
        "[host]:80",
        "[::1]",
        "a/b:80",
        "a b:80",
        8443,
        ["127.0.0.1", 8443],
    ],
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ValidationError, match=r"0\.0\.0\.0:8443"):
        ADDRESS.validate_python(text)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_ip_address_comes_back(ip, port):
    address = Address(str(ip), port)
    assert ADDRESS.validate_python(str(address)) == address
    assert ADDRESS.dump_python(address) == str(address)
