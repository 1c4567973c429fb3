"""`caracal serve --demo`: every printed command, pasted in its order, does what its title says."""

import asyncio
import os
import re
import signal
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

CARACAL = str(Path(sys.executable).with_name("caracal"))
PORTS = ("--set", "listen=127.0.0.1:0", "--set", "operations.listen=127.0.0.1:0")
WAIT_SECONDS = 60
DAY_SECONDS = 86_400
LAST_LINE = "Also to see"
STEP = re.compile(r"^# \d+\. (.*)\n(.*)$", re.MULTILINE)
DONE = "what was pasted is done\n"
PIPES = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)


class Demo:
    """A demo's process, and the tour that it printed."""

    def __init__(self, process, page):
        self.process = process
        self.page = page
        self.tour = STEP.findall(page)

    async def interrupt(self):
        """Press Ctrl-C; return the exit code and what was still printed."""
        self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(WAIT_SECONDS):
            printed = await self.process.communicate()
        return self.process.returncode, *map(bytes.decode, printed)


class Terminal:
    """A shell that commands are pasted into."""

    def __init__(self, process):
        self._process = process

    async def paste(self, command):
        """Return what the command printed, in the pieces in which it came."""
        self._process.stdin.write(f"{command}\necho {DONE}".encode())
        pieces = []
        async with asyncio.timeout(WAIT_SECONDS):
            while not "".join(pieces).endswith(DONE):
                pieces.append((await self._process.stdout.read(2**16)).decode())
                assert pieces[-1], "the shell ended"
        return pieces


@pytest.fixture
def environment(tmp_path):
    """What a newcomer's shell knows; its temporary files are below the test's own."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    return {"PATH": os.environ["PATH"], "TMPDIR": str(temporary)}


@asynccontextmanager
async def process(environment, *command):
    """A process that is gone at the end."""
    made = await asyncio.create_subprocess_exec(*command, env=environment, cwd="/", **PIPES)
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
        await made.communicate()


@pytest.fixture
async def demo(environment):
    """Start demos with further arguments."""
    async with AsyncExitStack() as stack:

        async def start(*arguments):
            words = (CARACAL, "serve", "--demo", *PORTS, *map(str, arguments))
            made = await stack.enter_async_context(process(environment, *words))
            page = ""
            async with asyncio.timeout(WAIT_SECONDS):
                while LAST_LINE not in page:
                    page += (line := (await made.stdout.readline()).decode())
                    assert line, (await made.stderr.read()).decode()
            return Demo(made, page)

        yield start


@pytest.fixture
async def terminal(environment):
    async with process(environment, "bash") as shell:
        yield Terminal(shell)


@pytest.fixture
def within_one_day():
    """The demo's budget is a day's, and the day is UTC's."""
    if time.time() % DAY_SECONDS > DAY_SECONDS - 2 * WAIT_SECONDS:
        pytest.skip("a new day begins in UTC soon")


def statuses(printed):
    return re.findall(r"^\d{3}$", printed, re.MULTILINE)


async def test_each_pasted_command_does_what_its_title_says(
    demo, terminal, tmp_path, within_one_day
):
    one = await demo("--data-dir", tmp_path / "a directory")
    pieces = {title: await terminal.paste(command) for title, command in one.tour}
    printed = {title: "".join(each) for title, each in pieces.items()}
    for title, text in printed.items():
        promised = re.findall(r"\b[2-5]\d\d\b", title)
        assert list(dict.fromkeys(statuses(text))) == promised, (title, text)
    paid, again, without, forbidden, _, more, spent = printed.values()
    assert '"path": "/hello"' in paid
    assert '"authorization"' not in paid, "the agent's credential went on to the upstream"
    for text, code in ((again, "replayed"), (without, "unauthenticated"), (forbidden, "denied")):
        assert f'"code":"{code}"' in text
    assert statuses(more) == ["200", "200", "200", "402"]
    assert '"needed":"0.25"' in more
    assert '"available":"0"' in more
    assert re.search(r"^demo-agent +USD +1 +0 +4 +", spent, re.MULTILINE), spent


async def test_streamed_events_come_one_by_one(demo, terminal):
    """The first one is here before the last one is made."""
    one = await demo()
    (command,) = [command for title, command in one.tour if "event by event" in title]
    pieces = await terminal.paste(command)
    events = [re.findall(r'"event": (\d)', piece) for piece in pieces]
    assert [number for piece in events for number in piece] == list("12345")
    assert "5" not in next(piece for piece in events if piece)


async def test_an_interrupt_ends_it_and_nothing_is_left(demo, environment):
    one = await demo()
    (directory,) = Path(environment["TMPDIR"]).iterdir()  # noqa: ASYNC240 - nobody else waits
    assert (directory / "demo.token").stat().st_mode & 0o077 == 0
    code, _, complaints = await one.interrupt()
    assert (code, complaints) == (0, "")
    assert not directory.exists()


async def test_a_second_demo_in_the_directory_goes_on_with_its_books(
    demo, terminal, tmp_path, within_one_day
):
    first = await demo("--data-dir", tmp_path)
    assert "Earlier demos" not in first.page
    assert statuses("".join(await terminal.paste(first.tour[0][1]))) == ["200"]
    assert (await first.interrupt())[0] == 0
    second = await demo("--data-dir", tmp_path)
    assert "Earlier demos in this directory left 0.75 USD of today's budget." in second.page
    calls = await terminal.paste(second.tour[5][1])
    assert statuses("".join(calls)) == ["200", "200", "200", "402"]


async def test_a_second_demo_beside_the_first_is_refused_and_harms_nothing(
    demo, environment, tmp_path
):
    one = await demo("--data-dir", tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("demo*")}
    words = (CARACAL, "serve", "--demo", *PORTS, "--data-dir", str(tmp_path))
    async with process(environment, *words) as other, asyncio.timeout(WAIT_SECONDS):
        printed, complaints = await other.communicate()
    assert (other.returncode, printed) == (2, b"")
    assert b"another demo serves from" in complaints
    assert {path.name: path.read_bytes() for path in tmp_path.glob("demo*")} == before
    assert (await one.interrupt())[0] == 0


@pytest.mark.parametrize(
    ("settings", "arguments", "said"),
    [
        ({"DB_HOST": "db.internal"}, (), "env -u DB_HOST caracal serve --demo"),
        ({}, ("--config", "mine.yaml"), "--demo writes its own configuration"),
        ({}, ("--data-dir", "/proc/nowhere"), "/proc/nowhere"),
        ({}, ("--set", "listen=127.0.0.1"), "listen"),
    ],
)
async def test_what_it_was_not_made_for_is_refused(environment, settings, arguments, said):
    words = (CARACAL, "serve", "--demo", *PORTS, *arguments)
    async with process(environment | settings, *words) as one, asyncio.timeout(WAIT_SECONDS):
        printed, complaints = await one.communicate()
    assert (one.returncode, printed) == (2, b"")
    assert said in complaints.decode()
    assert "Traceback" not in complaints.decode()
