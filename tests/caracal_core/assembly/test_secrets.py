"""Secrets are read from where the operator put them, and errors name the place, not them."""

import pytest

from caracal_core.assembly.masking import MASK, Masking
from caracal_core.assembly.secrets import SECRET_BYTES, MountedSecrets
from caracal_core.errors import Misconfigured
from caracal_core.ports import SecretSource


@pytest.fixture
def masking():
    return Masking()


@pytest.fixture
def secrets(masking):
    return MountedSecrets(masking)


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b" hunter2 \n\n", " hunter2 \n"),
        ("schlüssel\n".encode(), "schlüssel"),
    ],
)
def test_one_line_end_is_not_part_of_the_secret(secrets, tmp_path, content, secret):
    (tmp_path / "s").write_bytes(content)
    assert secrets.read(SecretSource(file=str(tmp_path / "s"))) == secret


def test_a_rotated_file_is_read_anew(secrets, tmp_path):
    path = tmp_path / "s"
    path.write_text("first")
    assert secrets.read(SecretSource(file=str(path))) == "first"
    path.write_text("second")
    assert secrets.read(SecretSource(file=str(path))) == "second"


def test_a_secret_may_stand_in_the_environment(secrets, monkeypatch):
    monkeypatch.setenv("THE_SECRET", "hunter2")
    assert secrets.read(SecretSource(env="THE_SECRET")) == "hunter2"


def test_what_was_read_is_masked_in_logs_from_then_on(secrets, masking, tmp_path):
    (tmp_path / "s").write_text("hunter2")
    secrets.read(SecretSource(file=str(tmp_path / "s")))
    assert masking.mask("password hunter2!") == f"password {MASK}!"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"x" * (SECRET_BYTES + 1), "longer than"),
        (b"\xff\xfehunter2", "not text"),
    ],
)
def test_what_is_no_secret_is_refused_with_its_place(secrets, tmp_path, content, fault):
    path = tmp_path / "the-place"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=f"the-place.*{fault}") as caught:
        secrets.read(SecretSource(file=str(path)))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (SecretSource(), "exactly one"),
        (SecretSource(file="/f", env="E"), "exactly one"),
        (SecretSource(env="CARACAL_TEST_ABSENT"), "CARACAL_TEST_ABSENT: is not set"),
        (SecretSource(file="/nul\0"), "not a path"),
    ],
)
def test_a_source_names_exactly_one_place_that_exists(secrets, source, fault):
    with pytest.raises(Misconfigured, match=fault):
        secrets.read(source)
