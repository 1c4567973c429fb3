"""What generations stand on: labelled services, a directory by the configuration, metrics."""

import pytest

from caracal_core.assembly.foundation import lay_foundation
from caracal_core.assembly.masking import Masking
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.assembly.unopened import no_authorities
from caracal_core.config.core import CoreConfig
from caracal_core.testing.fakes import FakeHashKeys, FakeSigningKeys


@pytest.fixture
def book():
    return MetricsBook()


@pytest.fixture
def foundation(database, book):
    secrets = MountedSecrets(Masking())
    return lay_foundation(
        database, book, secrets, FakeHashKeys(), FakeSigningKeys(), no_authorities, str
    )


async def test_a_plugins_services_bear_its_name(foundation, book, database):
    services = foundation.services("strange")
    services.metrics.counter("calls", "Calls.").add()
    assert services.database is database
    assert services.log.name == "caracal.strange"
    assert b"caracal_strange_calls_total 1.0" in book.expose()


async def test_the_directory_follows_the_configuration(foundation):
    refusing = foundation.directory(CoreConfig())
    assert await refusing.find("newcomer") is None
    admitting = foundation.directory(CoreConfig(unknown_agents="register"))
    assert (await admitting.find("newcomer")).accounts == ("newcomer",)


async def test_stories_that_are_lost_are_counted(foundation, book):
    foundation.lost.add()
    assert b"caracal_stories_lost_total 1.0" in book.expose()
