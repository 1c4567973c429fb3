"""Revoked is refused; where it cannot be told, everybody is: case 22, from file to verdict."""

import logging

import pytest

from caracal_auth_mtls.facts import examine
from caracal_auth_mtls.revocation import Revocation
from caracal_auth_mtls.trust import Trust
from caracal_core.errors import Misconfigured, Unauthenticated
from caracal_core.testing.fakes import FakeMetrics

DAY = 86_400
LOG = logging.getLogger("test")


@pytest.fixture
def revocation(believed, clock):
    """Lists in these files."""
    return lambda *paths: Revocation(paths, Trust(believed), clock)


@pytest.fixture
def verdict(clock):
    """Return why a certificate is refused, or nothing."""

    def verdict(revocation, issued):
        links = examine(issued.der, issued.issuers, strict=True).links
        try:
            revocation.judge(links, clock.now())
        except Unauthenticated as refusal:
            return refusal.internal
        return ""

    return verdict


async def test_without_files_nobody_is_refused(revocation, right, verdict):
    assert verdict(revocation(), right) == ""
    assert await revocation().check() is None


async def test_the_revoked_are_refused(revocation, authority, right, written, verdict):
    bad = authority.issue("spiffe://corp.example/agent/bad")
    lists = revocation(written(authority.revocation_list(bad)))
    assert "no revocation list was read yet" in verdict(lists, right)
    await lists.read()
    assert verdict(lists, right) == ""
    assert verdict(lists, bad) == "a certificate is revoked"


async def test_every_issuer_of_the_chain_needs_a_list(
    revocation, believed, make_authority, written, verdict
):
    root = make_authority("Root")
    between = make_authority("Between", above=root)
    believed.only(root)
    issued = between.issue("spiffe://corp.example/agent/x")
    own, above = between.revocation_list(), root.revocation_list()
    for given, expected in (
        ([own], "there is no revocation list of a certificate's issuer"),
        ([above], "there is no revocation list of a certificate's issuer"),
        ([own, above], ""),
        ([own, root.revocation_list(between.own)], "a certificate is revoked"),
        ([between.revocation_list(issued), above], "a certificate is revoked"),
    ):
        lists = revocation(written(*given))
        await lists.read()
        assert verdict(lists, issued) == expected


async def test_an_expired_list_refuses_everybody_until_it_is_renewed(
    revocation, authority, right, written, verdict, clock
):
    lists, metrics = revocation(written(authority.revocation_list(valid=(-1, DAY)))), FakeMetrics()
    await lists.read()
    assert lists.next_update == clock.now() + DAY
    clock.advance(DAY - 1)
    assert verdict(lists, right) == ""
    clock.advance(1)
    assert verdict(lists, right) == "a revocation list has expired"
    assert await lists.check() == "a revocation list has expired"
    written(authority.revocation_list(valid=(DAY - 1, 2 * DAY)))
    await lists.look(LOG, metrics)
    assert (verdict(lists, right), await lists.check()) == ("", None)
    assert metrics.counted("crl_changes", result="taken_up") == 1


async def test_a_list_of_tomorrow_refuses_everybody(revocation, authority, right, written, verdict):
    lists = revocation(written(authority.revocation_list(valid=(1, DAY))))
    await lists.read()
    assert verdict(lists, right) == "a revocation list is not valid yet"


@pytest.mark.parametrize("breaking", ["gone", "junk", "forged", "directory"])
async def test_a_broken_file_refuses_everybody_and_is_told_once(
    revocation, authority, make_authority, right, written, verdict, breaking, caplog
):
    """Fail closed: the last good list would hide a revocation that somebody holds back."""
    path, metrics = written(authority.revocation_list()), FakeMetrics()
    lists = revocation(path)
    await lists.read()
    if breaking == "junk":
        path.write_bytes(b"junk")
    elif breaking == "forged":
        written(make_authority().revocation_list())
    else:
        path.unlink()
        if breaking == "directory":
            path.mkdir()
    for _ in range(3):
        await lists.look(LOG, metrics)
    assert "unusable" in verdict(lists, right)
    assert "unusable" in await lists.check()
    assert metrics.counted("crl_changes", result="refused") == 1
    assert len(caplog.records) == 1
    assert path.name in caplog.text
    if breaking == "directory":
        path.rmdir()
    written(authority.revocation_list())
    await lists.look(LOG, metrics)
    assert verdict(lists, right) == ""


@pytest.mark.parametrize("content", [None, b"junk"])
async def test_a_broken_file_stops_the_start(revocation, tmp_path, content):
    path = tmp_path / "crl.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"crl_file \(MTLS_CRL_FILE\).*crl\.pem"):
        await revocation(path).read()


async def test_whatever_reading_raises_the_following_goes_on(
    revocation, authority, right, written, verdict, monkeypatch
):
    lists, metrics = revocation(written(authority.revocation_list())), FakeMetrics()
    await lists.read()

    async def broken():
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(lists, "read", broken)
        await lists.look(LOG, metrics)
    assert "RuntimeError" in verdict(lists, right)
    await lists.look(LOG, metrics)
    assert verdict(lists, right) == ""
