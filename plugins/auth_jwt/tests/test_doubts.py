"""A token that the gateway would refuse is minted with a warning beside it."""

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from caracal_auth_jwt.commands import token_commands
from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.doubts import of_agent
from caracal_core.errors import Failure


@pytest.fixture
def mint(tmp_path):
    """Mint with the issuer's key or with a stranger's; return the result."""
    keys = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
    public = keys[0].public_key()
    (tmp_path / "public.pem").write_bytes(
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )

    def run(stranger=0, **changes):
        path = tmp_path / "key.pem"
        path.write_bytes(
            keys[stranger].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        section = {"issuer": "idp", "public_key_path": str(tmp_path / "public.pem")} | changes
        command = token_commands(JwtConfig(**section))
        result = CliRunner().invoke(command, ["mint", "anna", "--key", str(path)])
        assert (result.exit_code, result.stdout.count(".")) == (0, 2)
        return result.stderr

    return run


def test_a_token_that_is_believed_is_minted_without_a_word(mint):
    assert mint() == ""


def test_a_key_that_is_not_the_issuers_is_told(mint):
    said = mint(stranger=1)
    assert said.startswith("Warning: the gateway would refuse this token now: ")
    assert "signature is not the pinned key's" in said


def test_a_key_file_that_is_not_there_is_told(mint):
    assert "nowhere.pem cannot be read" in mint(public_key_path="nowhere.pem")


def test_a_store_that_cannot_be_asked_is_told():
    class Broken:
        def run(self, plugin, work):
            raise Failure("storage", "SQLite: no such table: accounts")

    assert "nobody can say whether anna is registered" in of_agent(Broken(), "anna")
