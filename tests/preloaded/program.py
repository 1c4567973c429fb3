"""The program with its code loaded, which becomes a process for each command."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

TIMEOUT_SECONDS = 60
LINE_BYTES = 2**20


class Preloaded:
    """Starts commands as processes that need not load any code."""

    def __init__(self) -> None:
        self._asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with asked:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, Path(__file__).with_name("zygote.py")], env={}, stdin=asked
            )

    def run(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; return what became of it."""
        with TemporaryFile("w+") as output, TemporaryFile("w+") as error:
            told = os.fdopen(self._start(arguments, cwd, environment, output, error), "rb", 0)
            with told:
                process = int(told.readline())
                if not select.select([told], [], [], TIMEOUT_SECONDS)[0]:
                    os.kill(process, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(["caracal", *arguments], TIMEOUT_SECONDS)
                code = int(told.readline())
            output.seek(0)
            error.seek(0)
            return subprocess.CompletedProcess(arguments, code, output.read(), error.read())

    async def serve(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], error
    ) -> Process:
        """Start a command that is to run for a while, its output in a pipe."""
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb") as output:
            told = self._start(arguments, cwd, environment, output, error)
        return await Process.of(reading, told)

    def close(self) -> None:
        """End it; nobody asks it any more."""
        self._asking.close()
        self._process.wait(TIMEOUT_SECONDS)

    def _start(self, arguments, cwd, environment, output, error) -> int:
        """Start a command; return the descriptor on which is told what becomes of it."""
        command = {"arguments": arguments, "cwd": str(cwd), "environment": environment}
        reading, writing = os.pipe()
        descriptors = [each if isinstance(each, int) else each.fileno() for each in (output, error)]
        with os.fdopen(writing, "wb"):
            socket.send_fds(self._asking, [json.dumps(command).encode()], [*descriptors, writing])
        return reading


class Process:
    """Has of `asyncio.subprocess.Process` what tests of gateways use."""

    def __init__(self) -> None:
        self.pid = 0
        self.returncode: int | None = None
        self.stdout: asyncio.StreamReader
        self._output: asyncio.ReadTransport
        self._ending: asyncio.Task[int]

    @classmethod
    async def of(cls, output: int, told: int) -> Process:
        """Follow a process by what it prints and what is told of it."""
        made = cls()
        made.stdout, made._output = await _reader(output)
        reader, transport = await _reader(told)
        made.pid = int(await reader.readline())
        made._ending = asyncio.create_task(made._end(reader, transport))
        return made

    async def wait(self) -> int:
        """Wait for its end; return its exit code."""
        return await asyncio.shield(self._ending)

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        if self.returncode is None:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, number)

    def leave_output(self) -> None:
        """Read no more of what it prints."""
        self._output.close()

    async def _end(self, told: asyncio.StreamReader, transport: asyncio.ReadTransport) -> int:
        self.returncode = int(await told.readline())
        transport.close()
        return self.returncode


async def _reader(descriptor: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader, transport
