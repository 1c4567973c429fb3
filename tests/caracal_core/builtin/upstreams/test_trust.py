"""Proved here: an upstream's authorities are those of its file, or the system's."""

from __future__ import annotations

import ssl

import pytest

from caracal_core.builtin.upstreams.trust import Trust
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


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "text"])
async def test_what_holds_no_certificate_is_refused_each_time(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    trust = Trust("up", path)
    for _ in range(2):
        with pytest.raises(Misconfigured, match=r"^upstreams\.up\.ca_file: .* PEM certificates"):
            await trust.read()
