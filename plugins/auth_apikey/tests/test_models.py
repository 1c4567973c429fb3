"""The model describes the table that the migration makes."""

from caracal_auth_apikey.models import ApiKeyRow

COLUMNS = {
    "sqlite": 'SELECT name, "notnull" AS required FROM pragma_table_info($1)',
    "postgresql": """SELECT column_name AS name, is_nullable = 'NO' AS required
        FROM information_schema.columns WHERE table_name = $1""",
}


async def test_every_column_is_described_and_nothing_else(database):
    rows = await database.fetch(COLUMNS[database.dialect], ApiKeyRow._meta.db_table)
    described = {name: not field.null for name, field in ApiKeyRow._meta.fields_map.items()}
    assert {str(row["name"]): bool(row["required"]) for row in rows} == described
