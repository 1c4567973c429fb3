"""README's way from nothing to a certificate, a token and a key that are let in works as shown."""

import asyncio
import os
import re
import socket
import sys
from pathlib import Path

import yaml

README = (Path(__file__).parents[3] / "README.md").read_text()
SERVE = "caracal serve &"
STARTED = 'coproc caracal serve; grep -m 1 listening <&"${COPROC[0]}" >/dev/null'
"""The same, and it waits until agents are served."""
STRICT = "trap 'kill \"$COPROC_PID\"; wait' EXIT"


def commands():
    """Return the commands of README's section, one a line."""
    section = README.partition("## Choose how agents prove who they are")[2]
    block = re.search(r"^```console\n(.*?)^```$", section, re.MULTILINE | re.DOTALL).group(1)
    return re.sub(r"^\$ ", "", block, flags=re.MULTILINE)


def configuration(upstream):
    """Return README's configuration, with an upstream that is here."""
    block = re.search(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL).group(1)
    shown = yaml.safe_load(block)
    shown["upstreams"] = {"openai": {"url": upstream, "allow_private": True}}
    return shown


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_the_commands_let_the_agent_in_by_each_of_the_modes(origin, tmp_path):
    """curl fails where it is answered with an error, and then so does the script."""
    (tmp_path / "caracal.yaml").write_text(yaml.safe_dump(configuration(origin.url)))
    port = free_port()
    script = commands().replace("localhost:8443", f"localhost:{port}")
    assert script.count("\ncurl ") == 3
    assert SERVE in script
    script = script.replace(SERVE, STARTED).replace("\ncurl ", "\ncurl -sSf ")
    process = await asyncio.create_subprocess_exec(
        "bash", "-euc", f"{STRICT}\n{script}",
        cwd=tmp_path,
        env={
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "LISTEN_ADDRESS": f"127.0.0.1:{port}",
            "OPERATIONS_LISTEN_ADDRESS": "127.0.0.1:0",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        _, told = await process.communicate()
    assert process.returncode == 0, told.decode()
    assert [each.target for each in origin.received] == ["/v1/models"] * 3
