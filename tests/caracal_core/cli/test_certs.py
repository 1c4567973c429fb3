"""``caracal certs init`` makes what a Secret holds, privately, once, and agents as they come."""

import stat

import pytest
from cryptography import x509

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


def test_what_cannot_be_a_host_or_a_directory_is_refused(caracal, tmp_path):
    done = caracal("certs", "init", "--host", "gäteway")
    assert done.returncode == 1
    assert "--host" in done.stderr
    assert not [*(tmp_path / "certs").iterdir()]
    (tmp_path / "file").touch()
    done = caracal("certs", "init", "file/certs")
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
