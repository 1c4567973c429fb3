"""The demo's token is signed with the key whose public half was written."""

import base64
import json
import time

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from caracal_core.cli.demo.token import VALID_SECONDS, make_key, sign


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_the_token_says_who_for_whom_and_until_when(tmp_path):
    token = sign(make_key(tmp_path / "public.pem"), "agent", "issuer", "audience")
    header, claims, signature = map(decoded, token.split("."))
    key = load_pem_public_key((tmp_path / "public.pem").read_bytes())
    key.verify(signature, token.rpartition(".")[0].encode(), PKCS1v15(), SHA256())
    assert json.loads(header) == {"alg": "RS256", "typ": "JWT"}
    said = json.loads(claims)
    assert (said["sub"], said["iss"], said["aud"]) == ("agent", "issuer", "audience")
    assert said["exp"] - said["iat"] == VALID_SECONDS
    assert said["iat"] <= time.time() < said["exp"]


def test_the_private_key_is_not_written(tmp_path):
    make_key(tmp_path / "public.pem")
    assert [path.name for path in tmp_path.iterdir()] == ["public.pem"]
    assert b"PRIVATE" not in (tmp_path / "public.pem").read_bytes()
