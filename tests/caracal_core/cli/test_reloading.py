"""A reload takes the log level with it, is counted, and says what waits for the next start."""

import logging
from types import SimpleNamespace

import pytest

from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.standing import AT_START, Standing
from caracal_core.builtin.replay.config import ReplayConfig
from caracal_core.cli import reloading
from caracal_core.cli.reloading import Reloading
from caracal_core.config.core import CoreConfig
from caracal_core.config.load import Loaded
from caracal_core.errors import Misconfigured

DIGESTS = ("0123456789ab" + "0" * 52, "ffffffffffff" + "1" * 52)


def a_configuration(digest=DIGESTS[0], sections=None, **core):
    return Loaded(CoreConfig(**core), (), sections or {}, (), (), digest)


class House:
    """Takes every configuration into effect but a broken one."""

    def __init__(self):
        self.current = SimpleNamespace(loaded=a_configuration(), furnishings=())
        self.broken = False

    async def reload(self, loaded):
        if self.broken:
            raise Misconfigured("policies", "there is none", "Add one.")
        self.current = SimpleNamespace(loaded=loaded, furnishings=self.current.furnishings)


@pytest.fixture
def house():
    return House()


@pytest.fixture
def book():
    return MetricsBook()


@pytest.fixture
def levels(monkeypatch):
    """The log levels that were set; the test's own logging stays as it is."""
    levels = []
    monkeypatch.setattr(reloading, "set_level", levels.append)
    return levels


@pytest.fixture
def steps():
    """What the store lacks."""
    return []


@pytest.fixture
def subject(house, book, levels, steps):
    async def pending(loaded):
        return steps

    return Reloading(house, book, Standing(house.current.loaded), pending)


async def test_a_mode_whose_tables_are_missing_changes_nothing(subject, house, steps):
    before = house.current
    steps.append("auth_apikey/0_api_keys.py")
    with pytest.raises(Misconfigured, match=r"lacks auth_apikey.*db migrate up"):
        await subject.change(a_configuration(DIGESTS[1]))
    assert house.current is before


@pytest.fixture
def metric(book):
    def metric(name):
        text = book.expose().decode()
        (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(line.split()[1])

    return metric


async def test_a_change_is_in_effect_with_its_log_level_and_counted(subject, house, levels, metric):
    wanted = a_configuration(DIGESTS[1], log_level="DEBUG")
    await subject.change(wanted)
    assert house.current.loaded is wanted
    assert levels == ["DEBUG"]
    assert metric("caracal_configuration_reloads_total") == 1


async def test_the_digest_is_a_number_that_holds_every_digit_it_has(subject, metric):
    for digest in DIGESTS:
        await subject.change(a_configuration(digest))
        assert f"{int(metric('caracal_configuration_digest')):012x}" == digest[:12]


async def test_what_cannot_be_used_changes_nothing(subject, house, levels, metric):
    house.broken = True
    with pytest.raises(Misconfigured):
        await subject.change(a_configuration(DIGESTS[1], log_level="DEBUG"))
    assert (house.current.loaded.digest, levels) == (DIGESTS[0], [])
    assert metric("caracal_configuration_reloads_total") == 0


async def test_what_was_thrown_away_is_not_measured(subject, house, book, metric):
    """A generation that opened, and then another of its plugins did not."""
    gauge = book.labelled("acme").gauge
    gauge("broken", "Broken.", lambda: 1)

    async def reload(loaded):
        gauge("broken", "Broken.", lambda: 0)
        raise Misconfigured("plugin other", "cannot be opened", "Repair it.")

    house.reload = reload
    with pytest.raises(Misconfigured):
        await subject.change(a_configuration(DIGESTS[1]))
    assert metric("acme_broken") == 1


async def test_a_refused_change_is_counted_and_logged_with_its_mend(subject, metric, caplog):
    subject.refuse(Misconfigured("policies", "there is none", "Add one."))
    assert metric("caracal_configuration_reload_failures_total") == 1
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "policies: there is none. Add one." in record.getMessage()


@pytest.mark.parametrize(
    "changed",
    [
        {"listen": "127.0.0.1:1"},
        {"operations": {"listen": "127.0.0.1:1"}},
        {"database": {"pool_size": 3}},
        {"tls": {"mode": "off"}},
        {"grace_timeout": 1},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_what_is_read_at_the_start_alone_is_named(subject, changed, caplog):
    await subject.change(a_configuration(DIGESTS[1], **changed))
    assert set(changed) < set(AT_START)
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.getMessage() == f"{next(iter(changed))}: the change waits for the next start"


async def test_nothing_waits_where_nothing_of_that_changed(subject, caplog):
    await subject.change(a_configuration(DIGESTS[1], part_timeout=1))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_part_that_keeps_its_configuration_is_named_until_it_fits_again(
    subject, house, caplog, metric
):
    """What keeps state in memory is carried over as it was."""
    old, new = ReplayConfig(), ReplayConfig.model_validate({"replay": {"nonce_cache_size": 77}})
    house.current.furnishings = (SimpleNamespace(name="replay", config=old, builtin=True),)
    await subject.change(a_configuration(sections={"replay": new}, grace_timeout=1))
    assert "grace_timeout, replay: the change waits for the next start" in caplog.text
    assert metric("caracal_configuration_waiting") == 2
    caplog.clear()
    await subject.change(a_configuration(sections={"replay": old}))
    assert "waits" not in caplog.text
    assert metric("caracal_configuration_waiting") == 0
