"""The model of prices reads what was written."""

from tortoise.context import TortoiseContext

from caracal_core.storage.database import open_database
from caracal_core.storage.migrate import _tortoise
from caracal_core.storage.migrations import CORE
from caracal_core.storage.price_models import Price
from caracal_core.storage.prices import add


async def test_the_model_reads_what_was_written(storage_config):
    async with open_database(storage_config) as database:
        made = await add(database, "llm_call", '{"currency":"USD"}')
    async with TortoiseContext() as context:
        await context.init(config=_tortoise(storage_config, (CORE,)))
        price = await Price.get(tariff="llm_call")
    assert (price.id, price.version, price.terms) == (made.id, "1", '{"currency":"USD"}')
    assert price.created_at == made.created_at
