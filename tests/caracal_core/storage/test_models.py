"""The models describe the tables that the migrations make."""

import pytest
from tortoise import Model

from caracal_core.storage import models

MODELS = [
    model
    for model in vars(models).values()
    if isinstance(model, type) and issubclass(model, Model) and model is not Model
]
COLUMNS = {
    "sqlite": 'SELECT name, "notnull" AS required, pk FROM pragma_table_info($1)',
    "postgresql": """SELECT column_name AS name, is_nullable = 'NO' AS required, 0 AS pk
        FROM information_schema.columns WHERE table_name = $1""",
}
TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": """SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p')
        AND relnamespace = 'public'::regnamespace AND NOT relispartition""",
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
async def test_every_column_is_described_and_nothing_else(database, model):
    rows = await database.fetch(COLUMNS[database.dialect], model._meta.db_table)
    described = {}
    for name, field in model._meta.fields_map.items():
        if name in model._meta.fields_db_projection:
            described[model._meta.fields_db_projection[name]] = not field.null
        elif name in model._meta.fk_fields:
            described[f"{name}_id"] = not field.null
    assert {str(row["name"]): bool(row["required"] or row["pk"]) for row in rows} == described


async def test_every_table_has_a_model(database):
    rows = await database.fetch(TABLES[database.dialect])
    tables = {row["name"] for row in rows} - {"aerich"}
    assert tables == {model._meta.db_table for model in MODELS}
