"""Judges the address that is dialled, and dials it."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import aiohappyeyeballs

from caracal_core.builtin.upstreams.connection import HttpConnection
from caracal_core.errors import Denied

Address = IPv4Address | IPv6Address

_METADATA = tuple(
    ip_network(network)
    for network in (
        "169.254.0.0/16",  # link-local: the metadata services of most clouds
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure's wire server
        "fe80::/10",  # link-local
        "fd00:ec2::/32",  # Amazon
        "fd20:ce::254/128",  # Google
        "fd00:c1::a9fe:a9fe/128",  # Oracle
    )
)
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_EMBEDDING = (
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("::/96"), 0),  # IPv4-compatible, deprecated
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64 (RFC 6052)
    (_LOCAL_NAT64, 0),  # NAT64 of local use (RFC 8215)
    (IPv6Network("2002::/16"), 80),  # 6to4 (RFC 3056)
)
_ATTEMPT_SECONDS = 0.25
"""The delay between attempts at several addresses (RFC 8305 section 5)."""


def objection(text: str, *, allow_private: bool) -> str | None:
    """Say why an address may not be dialled, or None where it may.

    Args:
        text: a numeric address, with or without an IPv6 scope.
        allow_private: whether loopback, private and the like may be dialled. Metadata
            addresses never may, whatever IPv6 form an IPv4 address is dressed in.
    """
    for address in _meanings(ip_address(text)):
        if any(address in network for network in _METADATA):
            return f"{text} is a metadata or link-local address"
        if not allow_private and not _is_public(address):
            return f"{text} is not a public address, and allow_private is not set"
    return None


def _meanings(address: Address) -> Sequence[Address]:
    """Return the addresses that dialling this one may reach."""
    if isinstance(address, IPv4Address):
        return [address]
    plain = IPv6Address(int(address))
    for network, shift in _EMBEDDING:
        if plain in network and int(plain) > 1:
            embedded = IPv4Address(int(plain) >> shift & 0xFFFFFFFF)
            return [embedded] if plain.ipv4_mapped else [plain, embedded]
    return [plain]


def _is_public(address: Address) -> bool:
    """Whether the address is one of the open Internet's."""
    if isinstance(address, IPv6Address) and (address.is_site_local or address in _LOCAL_NAT64):
        return False
    return address.is_global and not (address.is_multicast or address.is_unspecified)


class Dialler:
    """Opens connections to one host and port.

    Args:
        name: what listens there, for the log.
        host: a host name, or an address without brackets.
        port: the TCP port.
        allow_private: as for `objection`.
        tls: verifies the upstream; None dials without TLS.
        log: learns which address was refused; the client does not.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        *,
        allow_private: bool,
        tls: ssl.SSLContext | None,
        log: logging.Logger,
    ) -> None:
        self._name = name
        self._host = host
        self._port = port
        self._allow_private = allow_private
        self._tls = tls
        self._log = log

    async def dial(self) -> HttpConnection:
        """Return a new connection, its TLS handshake done.

        The numeric addresses that were judged are the ones that are dialled; nothing is
        resolved twice.

        Raises:
            Denied: one of the host's addresses may not be dialled. Not one of them is then.
            OSError: it cannot be resolved or reached, or its certificate does not verify.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        for *_, address in found:
            self._judge(str(address[0]))
        try:
            sock = await aiohappyeyeballs.start_connection(
                found, happy_eyeballs_delay=_ATTEMPT_SECONDS, loop=loop
            )
        except RuntimeError as error:  # uvloop's for some that are OSError elsewhere
            raise OSError(str(error)) from error
        _, connection = await loop.create_connection(
            HttpConnection,
            sock=sock,
            ssl=self._tls,
            server_hostname=self._host.rstrip(".") if self._tls else None,
        )
        return connection

    def _judge(self, address: str) -> None:
        reason = objection(address, allow_private=self._allow_private)
        if reason is not None:
            self._log.warning("%s is not dialled: %s", self._name, reason)
            raise Denied(reason)
