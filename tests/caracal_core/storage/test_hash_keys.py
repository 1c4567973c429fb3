"""The keys of hashes: made once beside the embedded store, given beside PostgreSQL."""

import stat
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

import pytest

from caracal_core.assembly.masking import Masking
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.domain import HashKey
from caracal_core.errors import Misconfigured
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.hash_keys import KEYS_MAX, HashKeyFile


def key_file(**config):
    return HashKeyFile(StorageConfig(**config), MountedSecrets(Masking()))


@pytest.fixture
def written(tmp_path):
    """Write a file and read the keys in it."""

    def read(text):
        path = tmp_path / "keys"
        path.write_text(text)
        return key_file(hash_key_file=path).read()

    return read


def ids(keys):
    return [key.id for key in keys]


def test_the_embedded_store_makes_one_private_key_and_keeps_it(tmp_path):
    config = {"data_dir": tmp_path / "data"}
    (key,) = key_file(**config).read()
    path = tmp_path / "data" / "hash.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ids(key_file(**config).read()) == [key.id]
    assert [each.name for each in path.parent.iterdir()] == ["hash.key"]


def test_where_none_is_to_be_made_another_stands_for_it(tmp_path):
    """Judging a configuration leaves nothing behind; a file that is there is read."""
    config = StorageConfig(data_dir=tmp_path / "data")
    judging = HashKeyFile(config, MountedSecrets(Masking()), makes=False)
    assert len(judging.read()) == 1
    assert not list(tmp_path.iterdir())
    made = key_file(data_dir=tmp_path / "data").read()
    assert ids(judging.read()) == ids(made)


def test_where_nobody_may_look_for_it_the_directory_is_named(tmp_path):
    """By `caracal check` like by `caracal serve`."""
    config = StorageConfig(data_dir=tmp_path / ("x" * 300))
    for makes in (True, False):
        with pytest.raises(Misconfigured, match="CARACAL_DATA_DIR"):
            HashKeyFile(config, MountedSecrets(Masking()), makes=makes).read()


def test_of_many_that_make_it_at_once_one_does(tmp_path):
    config = {"data_dir": tmp_path}
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: ids(key_file(**config).read()), range(64)))
    assert found == [found[0]] * 64


def test_two_stores_have_different_keys(tmp_path):
    one, other = (key_file(data_dir=tmp_path / name).read() for name in "ab")
    assert ids(one) != ids(other)


def test_beside_postgresql_it_must_be_given(tmp_path):
    """A key of each gateway's own would refuse what the others issued."""
    with pytest.raises(Misconfigured, match=r"openssl rand -hex 32") as refused:
        key_file(host="caracal-postgres", data_dir=tmp_path).read()
    assert "CARACAL_HASH_KEY_FILE" in refused.value.where
    assert not list(tmp_path.iterdir())


def test_a_given_file_is_never_made(tmp_path):
    with pytest.raises(Misconfigured, match=r"CARACAL_HASH_KEY_FILE.*No such file"):
        key_file(hash_key_file=tmp_path / "none", data_dir=tmp_path).read()
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="CARACAL_DATA_DIR"):
        key_file(data_dir=tmp_path / "file" / "data").read()


def test_keys_stand_in_lines_in_their_order(written):
    secrets = [bytes([number]) * 32 for number in range(1, KEYS_MAX + 1)]
    text = "\n# old ones below\n".join(f" {secret.hex()} " for secret in secrets)
    assert ids(written(f"\n{text}\r\n\n")) == ids(map(HashKey, secrets))


def test_a_key_may_be_long_and_in_capitals(written):
    assert ids(written("AB" * 64)) == ids([HashKey(b"\xab" * 64)])


def test_a_rotated_file_is_read_anew(tmp_path):
    path, one, other = tmp_path / "keys", token_hex(32), token_hex(32)
    path.write_text(one)
    keys = key_file(hash_key_file=path)
    (first,) = keys.read()
    path.write_text(f"{other}\n{one}\n")
    assert ids(keys.read())[1:] == [first.id]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "empty"),
        ("# none\n\n", "0 keys"),
        ("ab" * 31, "line 1"),
        ("ab" * 65, "line 1"),
        (f"{'ab' * 32}\n{'zz' * 32}", "line 2"),
        ("a" * 65, "line 1"),
        ("\N{ARABIC-INDIC DIGIT FIVE}" * 64, "line 1"),
        (f"{'ab' * 32}\n{'AB' * 32}", "twice"),
        ("\n".join(f"{n:064x}" for n in range(KEYS_MAX + 1)), f"{KEYS_MAX + 1} keys"),
    ],
    ids=["empty", "comment", "short", "long", "letters", "odd", "digits", "twice", "many"],
)
def test_what_is_no_key_is_named_by_its_line_and_never_shown(written, text, what):
    with pytest.raises(Misconfigured, match=what) as refused:
        written(text)
    lines = [line for line in text.splitlines() if len(line) > 8]
    assert not [line for line in lines if line in str(refused.value)]
