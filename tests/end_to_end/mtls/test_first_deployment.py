"""The ways to a first certificate that the guides show end in a served request."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

CARACAL = str(Path(sys.executable).parent / "caracal")
GUIDE = """
openssl req -x509 -newkey rsa:4096 -keyout server.key -out server.crt \\
  -days 365 -nodes -subj "/CN=caracal-gateway"
openssl req -x509 -newkey rsa:4096 -keyout ca.key -out ca.crt \\
  -days 365 -nodes -subj "/CN=caracal-ca"
openssl req -newkey rsa:2048 -keyout agent.key -out agent.csr -nodes -subj "/CN=agent-1"
openssl x509 -req -in agent.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out agent.crt -days 365
"""
"""The deployment guide's own commands, and what everybody does next for a client."""


async def run(command, directory):
    await asyncio.to_thread(
        subprocess.run, command, cwd=directory, check=True, capture_output=True, timeout=60
    )


async def curl(gateway, directory, name, *words):
    """Call with curl, which verifies the gateway unless told not to; return what it printed."""
    pair = ("--cert", f"{directory / name}.crt", "--key", f"{directory / name}.key")
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", "-w", "%{http_code}", "-o", "/dev/null", *pair, *words,
        f"{gateway.url}/free/x", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(30):
        printed, _ = await process.communicate()
    return printed.decode()


def files(directory):
    return {
        name: (directory / name).read_bytes() for name in ("server.crt", "server.key", "ca.crt")
    }


async def test_what_certs_init_makes_serves_its_agent(secured, tmp_path):
    """With curl's own verification of the gateway, and the default configuration of mtls."""
    directory = tmp_path / "certs"
    await run([CARACAL, "certs", "init", str(directory), "--agent", "agent-1"], tmp_path)
    one, _ = await secured(files(directory))
    assert "auth_mtls" in await asyncio.to_thread(one.caracal, "check")
    assert await curl(one, directory, "agent-agent-1", "--cacert", directory / "ca.crt") == "200"


@pytest.mark.parametrize(("strict", "status"), [(True, "401"), (False, "200")])
async def test_the_guides_openssl_commands_are_for_relaxed_mode(secured, tmp_path, strict, status):
    """Trap 12: an authority without key usage, and a certificate of version 1."""
    directory = tmp_path / "guide"
    directory.mkdir()
    await run(["bash", "-euc", GUIDE], directory)
    one, _ = await secured(files(directory), strict=strict)
    assert await curl(one, directory, "agent", "--insecure") == status
    await one.stop()  # the log has a thread of its own
    assert ("auth_mtls.strict is false" in one.log) != strict
