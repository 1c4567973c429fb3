"""``caracal certs init`` makes what a Secret holds, privately, once, and agents as they come."""

import json
import stat

import pytest
from cryptography import x509

from caracal_core.domain.certificate_name import certificate_name
from caracal_core.testing.fakes import Issued

SECRET = {"server.crt", "server.key", "ca.crt", "jwt_public.pem"}
OTHERS = {"ca.key", "jwt_private.pem"}
PRIVATE = {"server.key", "ca.key", "jwt_private.pem"}


@pytest.fixture
def made(tmp_path):
    """The names of the files in the directory."""
    return lambda: {path.name for path in (tmp_path / "certs").iterdir()}


def serial(path):
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def names(path):
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in found]


def test_a_first_run_makes_what_the_secret_holds(caracal, tmp_path, made):
    done = caracal("certs", "init", "--host", "gateway.example", "--host", "192.0.2.7")
    assert (done.returncode, done.stderr) == (0, "")
    assert made() == SECRET | OTHERS
    directory = tmp_path / "certs"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    assert {name for name, mode in modes.items() if mode == 0o600} == PRIVATE
    assert names(directory / "server.crt") == [
        "gateway.example", "192.0.2.7", "localhost", "127.0.0.1", "::1",
        "caracal-gateway", "caracal-gateway.caracal", "caracal-gateway.caracal.svc",
        "caracal-gateway.caracal.svc.cluster.local",
    ]  # fmt: skip
    for name in made():
        assert f"certs/{name}" in done.stdout
    assert "TLS_CA_FILE=certs/ca.crt" in done.stdout
    assert "PRIVATE KEY" not in done.stdout


def test_a_later_run_certifies_further_agents_and_touches_nothing(caracal, tmp_path, made):
    assert caracal("certs", "init", "--agent", "one").returncode == 0
    directory = tmp_path / "certs"
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    done = caracal("certs", "init", "certs", "--agent", "two", "--days", "30")
    assert done.returncode == 0
    assert made() == set(before) | {"agent-two.crt", "agent-two.key"}
    assert all((directory / name).read_bytes() == was for name, was in before.items())
    assert names(directory / "agent-two.crt") == ["spiffe://caracal.local/agent/two"]
    assert stat.S_IMODE((directory / "agent-two.key").stat().st_mode) == 0o600
    assert "--cert certs/agent-two.crt" in done.stdout
    two = x509.load_pem_x509_certificate((directory / "agent-two.crt").read_bytes())
    two.verify_directly_issued_by(x509.load_pem_x509_certificate(before["ca.crt"]))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "nothing is overwritten"),
        (["--agent", "one"], "agent-one.crt is there already"),
        (["--agent", "two", "--agent", "one"], "agent-one.crt is there already"),
        (["--agent", "two", "--host", "x"], "server's certificate already"),
        (["--agent", "a/b"], "cannot stand in a SPIFFE ID"),
        (["--agent", ".."], "cannot stand in a SPIFFE ID"),
        (["--agent", ""], "cannot stand in a SPIFFE ID"),
    ],
)
def test_nothing_is_overwritten_and_nothing_half_done(caracal, tmp_path, words, why):
    assert caracal("certs", "init", "--agent", "one").returncode == 0
    directory = tmp_path / "certs"
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    done = caracal("certs", "init", *words)
    assert done.returncode == 1
    assert why in done.stderr
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


@pytest.mark.parametrize(
    ("break_it", "why"),
    [
        (lambda d: (d / "ca.key").write_text("junk"), "does not hold an authority"),
        (lambda d: (d / "ca.key").unlink(), "ca.key cannot be used"),
    ],
)
def test_an_authority_that_is_not_whole_certifies_nobody(caracal, tmp_path, break_it, why):
    assert caracal("certs", "init").returncode == 0
    break_it(tmp_path / "certs")
    done = caracal("certs", "init", "--agent", "one")
    assert done.returncode == 1
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_it_prints_what_to_revoke_an_agent_by_and_shows_it_again(caracal, tmp_path):
    """The name is of what the authority signed: a twin with another signature has it, too."""
    made = caracal("certs", "init", "--agent", "one")
    certificate = x509.load_pem_x509_certificate((tmp_path / "certs/agent-one.crt").read_bytes())
    name = certificate_name(certificate.tbs_certificate_bytes)
    assert f"caracal revocations add --scheme mtls --credential {name}\n" in made.stdout
    (tmp_path / "twin.der").write_bytes(Issued(certificate, None).twin.der)
    for file in ("certs/agent-one.crt", "twin.der"):
        done = caracal("certs", "show", file, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == [
            {
                "names": ["spiffe://caracal.local/agent/one", "CN=one"],
                "serial": f"{certificate.serial_number:x}",
                "not_before": certificate.not_valid_before_utc.isoformat(),
                "not_after": certificate.not_valid_after_utc.isoformat(),
                "credential": name,
            }
        ]
        head, line = caracal("certs", "show", file).stdout.splitlines()
        assert head.split() == ["NAMES", "SERIAL", "NOT", "BEFORE", "NOT", "AFTER", "CREDENTIAL"]
        assert line.endswith(f"  {name}")


def test_each_certificate_of_a_file_is_shown(caracal, tmp_path):
    assert caracal("certs", "init").returncode == 0
    directory = tmp_path / "certs"
    both = (directory / "server.crt").read_bytes() + (directory / "ca.crt").read_bytes()
    (tmp_path / "chain.pem").write_bytes(both)
    first, second = json.loads(caracal("certs", "show", "chain.pem", "--json").stdout)
    assert "localhost" in first["names"]
    assert second["names"] == ["CN=Caracal authority"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read"),
        (b"", "no certificate"),
        (b"junk", "no certificate"),
        (b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "no certificate"),
        (b"x" * 65_537, "more than 65536 bytes"),
    ],
    ids=["absent", "empty", "junk", "another PEM", "too large"],
)
def test_what_is_no_certificate_is_not_shown(caracal, tmp_path, content, why):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    done = caracal("certs", "show", "file")
    assert (done.returncode, done.stdout) == (1, "")
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_what_cannot_be_a_host_or_a_directory_is_refused(caracal, tmp_path):
    done = caracal("certs", "init", "--host", "gäteway")
    assert done.returncode == 1
    assert "--host" in done.stderr
    assert not [*(tmp_path / "certs").iterdir()]
    (tmp_path / "file").touch()
    done = caracal("certs", "init", "file/certs")
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
