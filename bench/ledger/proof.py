"""Verify, summary and archive, as commands: seconds, CPU and memory over a large ledger.

Usage: python bench/ledger/proof.py [--entries 1000000] [--store STORE]

Method. The journal is filled by one statement with the entries of about a month from 2026-09-21
on, of 100 agents on 5 routes, in PostgreSQL's partitions of their months, and sealed 2,000 at once.
Then each command runs once in a process of its own, the interpreter's start included; "cpu" and
"memory" are that process's, not the database's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from databases import postgresql, sqlite, version

from caracal_core.builtin.ledger import partitions
from caracal_core.builtin.ledger.sealing.month import Month
from caracal_core.builtin.ledger.sealing.sealer import Sealer
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.database import open_database
from caracal_core.storage.migrate import up

MOST = 1_000_000
AT_ONCE = 50_000
MONTHS = Month(2026, 9), Month(2026, 10)
_FILL = """
INSERT INTO entries (charge, kind, agent, route, request, currency, held_micro, amount_micro,
                     cause, created_at)
WITH RECURSIVE numbers(n) AS (
    SELECT CAST($1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < CAST($2 AS BIGINT)
)
SELECT 'charge-' || n, CASE n % 10 WHEN 0 THEN 'voided' WHEN 1 THEN 'adjustment' ELSE 'posted' END,
       'agent-' || (n % 100), 'route-' || (n % 5), 'request-' || n, 'USD',
       CASE n % 10 WHEN 1 THEN 0 ELSE 1000000 + n END,
       CASE n % 10 WHEN 0 THEN 0 ELSE 900000 + n END, 'reply', 1790000000.0 + n * 2.592
FROM numbers
"""


async def fill(config: StorageConfig, entries: int) -> None:
    """Enter so many entries, and seal them."""
    await up(config)
    async with open_database(config) as database:
        if database.dialect == "postgresql":
            for month in MONTHS:
                await partitions.make(database, int(month.starts))
        for first in range(1, entries + 1, AT_ONCE):
            await database.execute(_FILL, first, min(first + AT_ONCE - 1, entries))
        begun = time.perf_counter()
        sealed = await Sealer(database, 2000).seal()
        print(await version(database), f"{sealed} sealed in {time.perf_counter() - begun:.1f} s")


def run(environment: Mapping[str, str], *command: str) -> None:
    """Run a command of the ledger's and print what it took."""
    begun = time.perf_counter()
    caracal = [str(Path(sys.executable).with_name("caracal")), "ledger", *command]
    with subprocess.Popen(
        caracal, env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    seconds, cpu = time.perf_counter() - begun, used.ru_utime + used.ru_stime
    print(f"{' '.join(command):60} {seconds:7.1f} s {cpu:7.1f} cpu s {used.ru_maxrss >> 10:5} MiB")


def measure(config: StorageConfig, entries: int) -> None:
    """Fill a store and run every command over it."""
    asyncio.run(fill(config, entries))
    if config.embedded:
        environment = {"CARACAL_DATA_DIR": str(config.data_dir)}
    else:
        environment = {
            "DB_HOST": config.host,
            "DB_PORT": str(config.port),
            "DB_NAME": config.name,
            "DB_USER": config.user,
            "DB_PASSWORD": config.password.get_secret_value(),
        }
    run(environment, "verify")
    run(environment, "summary")
    run(environment, "summary", "--since", "2026-09-25T12:00", "--until", "2026-10-10T12:00")
    with tempfile.TemporaryDirectory() as out:
        run(environment, "archive", "--before", "2026-10", "--out", out)
        (file,) = Path(out).iterdir()
        print(f"{file.stat().st_size >> 20} MiB in the file")
        run(environment, "verify", "--archive", str(file))


def main() -> None:
    """Measure the stores that are asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--entries", type=int, default=MOST, choices=range(1, MOST + 1), metavar="N"
    )
    parser.add_argument("--store", choices=("sqlite", "postgresql"), action="append")
    wanted = parser.parse_args()
    for store in wanted.store or ("sqlite", "postgresql"):
        with sqlite() if store == "sqlite" else postgresql() as (config, _):
            measure(config, wanted.entries)


if __name__ == "__main__":
    main()
