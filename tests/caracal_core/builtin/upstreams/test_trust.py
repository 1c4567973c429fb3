"""Proved here: an upstream's authorities are those of its file, or the system's."""

from __future__ import annotations

import os
import ssl

import pytest

from caracal_core.builtin.upstreams.trust import CA_BYTES_MAX, Trust
from caracal_core.cli.certificates import Authority
from caracal_core.errors import Misconfigured


async def test_without_a_file_the_system_vouches():
    trust = Trust("up", None)
    assert await trust.read()
    assert trust.context.verify_mode is ssl.CERT_REQUIRED
    assert trust.context.check_hostname


async def test_what_did_not_change_keeps_its_context():
    trust = Trust("up", None)
    await trust.read()
    before = trust.context
    assert not await trust.read()
    assert trust.context is before


@pytest.mark.parametrize(
    "content",
    [None, "", " \n", "é", "no certificate"],
    ids=["missing", "empty", "blank", "remark", "text"],
)
async def test_what_holds_no_certificate_is_refused_each_time(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    trust = Trust("up", path)
    for _ in range(2):
        with pytest.raises(Misconfigured, match=r"^upstreams\.up\.ca_file: .* PEM certificates"):
            await trust.read()


async def test_a_file_with_authorities_and_a_remark_is_read_and_read_anew(tmp_path):
    path = tmp_path / "ca.pem"
    first, second = (Authority.new().own.certificate for _ in range(2))
    path.write_bytes("# Autorité\n".encode() + first)
    trust = Trust("up", path)
    assert await trust.read()
    (believed,) = trust.context.get_ca_certs(binary_form=True)
    assert believed == ssl.PEM_cert_to_DER_cert(first.decode())
    assert not await trust.read()
    path.write_bytes(first + second)
    assert await trust.read()
    assert len(trust.context.get_ca_certs()) == 2


async def test_a_file_that_is_longer_than_any_is_refused(tmp_path):
    """Only so much of it is read: it may have no end that fits into memory."""
    path = tmp_path / "ca.pem"
    path.write_bytes(Authority.new().own.certificate)
    os.truncate(path, CA_BYTES_MAX)
    await Trust("up", path).read()
    os.truncate(path, CA_BYTES_MAX + 1)
    with pytest.raises(Misconfigured, match="it has more than 1,048,576 bytes"):
        await Trust("up", path).read()
