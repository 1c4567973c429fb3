"""A file that hangs, or a broken reader of a plugin's, holds up neither changes nor the end.

A pipe that nobody writes to stands for the mount: opening it does not return, nor hear a signal.
"""

import asyncio
import os
import signal

import psutil
import pytest

READER = """
import asyncio

from caracal_core.plugin import Config, Plugin, hookimpl, setting


class Reader:
    def __init__(self, way):
        self._way = way

    async def read(self):
        if self._way == "cancelled":
            raise asyncio.CancelledError
        while self._way == "stubborn":
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass
        return True


class TheConfig(Config):
    way: str = setting("good", description="How it reads.")


class ThePlugin(Plugin):
    Config = TheConfig

    @hookimpl
    def files(self, services):
        return [Reader(self.config.way)]
"""


def make_stuck(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


@pytest.fixture
def secrets(tmp_path):
    """More upstreams, with a secret file each, than the default executor has threads."""
    files = [tmp_path / f"secret{number}" for number in range((os.cpu_count() or 1) + 5)]
    for file in files:
        file.write_text("Bearer sk-0123456789")
    return files


@pytest.mark.parametrize("command", ["check", "serve"])
async def test_nothing_starts_on_a_file_that_hangs_and_says_so(gateway, origin, command):
    one = await gateway(origin.url, start=False)
    make_stuck(one.home / "jwt_public.pem")
    done = await asyncio.to_thread(one.command, command)
    assert (done.returncode, done.stdout) == (2, "")
    assert "plugin auth_jwt: reading its files takes longer than 10 s" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
async def stuck(gateway, origin, secrets):
    """A gateway whose upstreams' secrets all hang since it started."""
    one = await gateway(origin.url, start=False)
    one.settings["upstreams"] |= {
        file.name: {
            "url": origin.url,
            "allow_private": True,
            "headers": {"authorization": {"secret_file": str(file)}},
        }
        for file in secrets
    }
    one.write()
    await one.start()
    for file in secrets:
        make_stuck(file)
    return one


async def test_a_reload_reads_files_that_hang_side_by_side_and_leaves_few_threads(
    stuck, origin, secrets, until
):
    """One after the other they would take longer than a test waits for anything."""
    stuck.settings["upstreams"]["another"] = {"url": origin.url, "allow_private": True}
    stuck.write()
    seen = []
    for attempt in range(1, 5):

        async def refused(attempt=attempt):
            name = "caracal_configuration_reload_failures_total"
            return await stuck.metric(name) == attempt

        await until(refused)
        seen.append(psutil.Process(stuck.pid).num_threads())
        stuck.signal(signal.SIGHUP)
    assert stuck.log.count("reading its files takes longer than 10 s") == 2 * len(secrets)
    assert "earlier attempts hang still" in stuck.log
    assert seen[3] - seen[1] < len(secrets)


async def test_files_that_hang_while_it_serves_hold_up_neither_reload_nor_stop(
    stuck, secrets, until
):
    one = stuck

    async def all_broken():
        return await one.metric("caracal_upstreams_credentials_broken") == len(secrets)

    await until(all_broken)
    one.settings["policies"] = "no list"
    one.write()

    async def refused():
        return await one.metric("caracal_configuration_reload_failures_total") > 0

    await until(refused)
    one.signal(signal.SIGTERM)
    assert await one.ended() == 0


@pytest.mark.parametrize(
    ("way", "said", "code"),
    [("cancelled", "raised CancelledError", 0), ("stubborn", "takes longer than 10 s", 1)],
)
async def test_a_broken_reader_is_refused_and_the_mended_configuration_taken_up(
    gateway, origin, packages, until, way, said, code
):
    """A stop then ends as it does wherever a task cannot be cancelled: with 1, and its name."""
    packages.add("odd_files", code=READER)
    one = await gateway(
        origin.url,
        environment={"PYTHONPATH": str(packages.directory)},
        plugins=["odd_files"],
    )

    async def counted(name):
        return await one.metric(f"caracal_configuration_{name}_total") > 0

    one.settings["odd_files"] = {"way": way}
    one.write()
    await until(lambda: counted("reload_failures"))
    one.settings["odd_files"] = {"way": "fine"}
    one.write()
    await until(lambda: counted("reloads"))
    one.signal(signal.SIGTERM)
    assert await one.ended() == code
    assert f"plugin odd_files: reading its files {said}" in one.log
