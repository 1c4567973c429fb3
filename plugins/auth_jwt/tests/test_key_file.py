"""The key follows its file: taken up when it changes, kept when the new one is broken."""

import logging
import os
from base64 import urlsafe_b64decode

import pytest
from joserfc.jwk import RSAKey

from caracal_auth_jwt import pem
from caracal_auth_jwt.key_file import KeyFile
from caracal_auth_jwt.key_set import KeySet, PinnedKey
from caracal_core.errors import Failure, Misconfigured
from caracal_core.testing.fakes import FakeMetrics, a_services

LOG = logging.getLogger("caracal.test")
WHERE = "auth_jwt.public_key_path (JWT_PUBLIC_KEY_PATH)"


@pytest.fixture
def pair(make_issuer):
    """Two issuers with keys of their own."""
    return make_issuer("RS256"), make_issuer("RS256", RSAKey.generate_key(2048))


def proves(keys, issuer):
    """Say whether the issuer's token verifies with the key in force."""
    signing_input, _, signature = issuer.token().rpartition(".")
    (key,) = keys.current().find(None, "RS256")
    return key.verifies(signing_input.encode(), urlsafe_b64decode(signature + "=="))


def key_file(path):
    return KeyFile(path, WHERE, lambda content: PinnedKey(pem.load(content, "RS256")))


@pytest.fixture
async def keys(tmp_path, pair):
    """A key file with the first issuer's key, read."""
    path = tmp_path / "jwt_public.pem"
    path.write_bytes(pair[0].public_pem)
    keys, metrics = key_file(path), FakeMetrics()
    await keys.open(a_services(metrics=metrics))
    keys.metrics = metrics
    return keys


async def test_before_the_file_is_read_nobody_is_proved(tmp_path):
    """A failure (503), never a silent pass."""
    with pytest.raises(Failure):
        _ = key_file(tmp_path / "jwt_public.pem").current()


async def test_an_unreadable_file_names_key_place_and_mend(tmp_path):
    """Missing, a directory: the operator learns which setting, which file, and why."""
    for path, why in ((tmp_path / "none.pem", "No such file"), (tmp_path, "directory")):
        with pytest.raises(Misconfigured) as caught:
            await key_file(path).read()
        assert caught.value.where == WHERE
        assert str(path) in caught.value.what
        assert why in caught.value.what
        assert caught.value.mend


async def test_an_unfit_file_names_the_reason_and_none_of_the_content(tmp_path, issuer):
    """A private key in the file is refused and does not appear in the message."""
    path = tmp_path / "jwt_public.pem"
    path.write_bytes(issuer.private_pem)
    with pytest.raises(Misconfigured, match="holds a private key") as caught:
        await key_file(path).read()
    assert not any(
        line in str(caught.value) for line in issuer.private_pem.decode().split("\n")[1:2]
    )


async def test_a_replaced_file_replaces_the_key(keys, tmp_path, pair):
    """The old key proves nobody from then on."""
    old, new = pair
    assert (proves(keys, old), proves(keys, new)) == (True, False)
    (tmp_path / "jwt_public.pem").write_bytes(new.public_pem)
    assert await keys.read()
    assert (proves(keys, old), proves(keys, new)) == (False, True)


async def test_a_file_swapped_by_symlink_with_the_same_time_and_size_is_seen(tmp_path, pair):
    """Kubernetes swaps a link to a directory; neither time nor size need to differ."""
    for name, issuer in zip(("one", "two"), pair, strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "key.pem").write_bytes(issuer.public_pem)
        os.utime(tmp_path / name / "key.pem", (1, 1))
    (tmp_path / "data").symlink_to("one")
    (tmp_path / "key.pem").symlink_to("data/key.pem")
    keys = key_file(tmp_path / "key.pem")
    await keys.read()
    (tmp_path / "fresh").symlink_to("two")
    (tmp_path / "fresh").replace(tmp_path / "data")
    assert await keys.read()
    assert proves(keys, pair[1])


async def test_an_unchanged_file_changes_nothing(keys):
    """Looking is free of effects."""
    before = keys.current()
    assert not await keys.read()
    assert keys.current() is before


@pytest.mark.parametrize("content", [b"", b"garbage", None, "private"])
async def test_a_broken_new_file_keeps_the_old_key(keys, tmp_path, pair, caplog, content):
    """It is told and counted once, however often it is seen, and mended it is taken up again."""
    path, metrics = tmp_path / "jwt_public.pem", keys.metrics
    content = pair[1].private_pem if content == "private" else content
    path.unlink() if content is None else path.write_bytes(content)
    for _ in range(3):
        await keys._follower.look()
    assert proves(keys, pair[0])
    assert keys.broken
    assert metrics.counted("key_changes", result="refused") == 1
    assert caplog.text.count("what was in force stays") == 1
    path.write_bytes(pair[1].public_pem)
    with caplog.at_level(logging.INFO, LOG.name):
        await keys._follower.look()
    assert proves(keys, pair[1])
    assert not keys.broken
    assert metrics.counted("key_changes", result="taken_up") == 1
    assert "what is there now is in force" in caplog.text


async def test_a_mended_file_with_the_old_key_is_healthy_again(keys, tmp_path, pair):
    """The way back counts as no change."""
    path, metrics = tmp_path / "jwt_public.pem", keys.metrics
    path.write_bytes(b"garbage")
    await keys._follower.look()
    path.write_bytes(pair[0].public_pem)
    await keys._follower.look()
    assert not keys.broken
    assert metrics.counted("key_changes", result="taken_up") == 0


async def test_whatever_reading_raises_the_file_is_followed_on(keys, pair, monkeypatch, caplog):
    """Else a key that surprises a library would stop every later rotation, and tell nobody."""
    metrics = keys.metrics

    async def surprised():
        raise KeyError("s3cret")

    with monkeypatch.context() as patched:
        patched.setattr(keys, "read", surprised)
        await keys._follower.look()
    assert metrics.counted("key_changes", result="refused") == 1
    assert keys.broken
    assert "KeyError" in caplog.text
    assert "s3cret" not in caplog.text
    await keys._follower.look()
    assert not keys.broken


async def test_an_unknown_key_id_reads_nothing(keys, monkeypatch):
    """The file is looked at often enough; what a client sends has no say in it."""
    monkeypatch.setattr(keys, "read", None)
    assert await keys.renewed() is False
    assert keys.was_ready


async def test_keys_that_were_left_out_are_told(tmp_path, caplog):
    """One bad key in a set does not stop the others, and does not stay unnoticed."""
    path = tmp_path / "jwks.json"
    path.write_bytes(b"1")
    said = KeySet((), ["its key 3 is a secret"])
    await KeyFile(path, WHERE, lambda _: said).open(a_services())
    assert f"{path}: its key 3 is a secret" in caplog.text
