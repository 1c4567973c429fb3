"""Proved here: the address that is dialled is the one that was judged (case 12)."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.upstreams.dialling import Dialler, objection
from caracal_core.errors import Denied

LOG = logging.getLogger("caracal.test")

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "fe80::1",
    "fe80::1%lo",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::169.254.169.254",
    "2002:a9fe:a9fe::",
    "2002:a9fe:a9fe::1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::169.254.169.254",
    "::ffff:100.100.100.200",
]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "::1",
    "0.0.0.0",  # noqa: S104 - judged, not bound
    "0.1.2.3",
    "::",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", METADATA)
def test_metadata_addresses_are_never_dialled(address):
    """They give the gateway's own rights to whoever asks, in any dress of IPv6."""
    assert "metadata" in objection(address, allow_private=True)
    assert objection(address, allow_private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_dialled_only_where_named(address):
    """What the open Internet cannot reach must not be reached through the gateway."""
    assert "allow_private" in objection(address, allow_private=False)
    assert objection(address, allow_private=True) is None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_dialled(address):
    """That is what upstreams are."""
    assert objection(address, allow_private=False) is None


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_dress(address):
    """No form of IPv6 makes an address more welcome than it is."""
    verdict = objection(str(address), allow_private=False)
    for dress in (f"::ffff:{address}", f"64:ff9b::{address}", f"::{address}"):
        if verdict:
            assert objection(dress, allow_private=False)


def dialler(host: str, port: int, *, allow_private: bool = False) -> Dialler:
    return Dialler("upstream up", host, port, allow_private=allow_private, tls=None, log=LOG)


@pytest.fixture
def silent_port():
    """A port that would accept anybody, and that nobody shall come to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening.getsockname()[1]
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "::ffff:127.0.0.1", "127.1", "2130706433", "0x7f000001", "0"],
)
async def test_a_refused_address_gets_no_packet(silent_port, host, caplog):
    """Not even the first of a handshake; the log says why, the client only that it is so."""
    with pytest.raises(Denied) as denied:
        await dialler(host, silent_port).dial()
    assert denied.value.status == 403
    assert "127" not in denied.value.detail
    assert "upstream up is not dialled" in caplog.text


def resolving(monkeypatch, *answers: list[str]) -> list[str]:
    """Let names resolve to these answers, one after the other; addresses mean themselves."""
    loop = asyncio.get_running_loop()
    really, asked, left = loop.getaddrinfo, [], list(answers)

    async def getaddrinfo(host, port, **options):
        if not host.endswith(".example"):
            return await really(host, port, **options)
        asked.append(host)
        return [found for each in left.pop(0) for found in await really(each, port, **options)]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    return asked


async def test_a_name_that_rebinds_is_judged_again(replying, monkeypatch):
    """Each connection is judged by the addresses that it dials itself."""
    server = await replying(b"")
    asked = resolving(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    to_server = dialler("rebinding.example", server.port, allow_private=True)
    connection = await to_server.dial()
    with pytest.raises(Denied):
        await to_server.dial()
    assert asked == ["rebinding.example"] * 2
    connection.abort()
    await connection.wait_closed()


@pytest.mark.parametrize("addresses", [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"]])
async def test_one_bad_address_among_good_ones_refuses_the_name(
    silent_port, monkeypatch, addresses
):
    """A name that mixes them is not what the operator thinks it is."""
    resolving(monkeypatch, addresses)
    with pytest.raises(Denied):
        await dialler("mixed.example", silent_port).dial()


async def test_a_dead_address_does_not_hide_a_live_one(replying, monkeypatch):
    """The next address of the name is tried where one refuses."""
    server = await replying(b"")
    resolving(monkeypatch, ["::1", "127.0.0.1"])
    connection = await dialler("twofold.example", server.port, allow_private=True).dial()
    connection.abort()
    await connection.wait_closed()
    assert server.connections == 1


async def test_what_cannot_be_reached_is_an_oserror():
    """The pool makes a 502 of it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(OSError, match=r"refused|failed"):
        await dialler("127.0.0.1", port, allow_private=True).dial()
