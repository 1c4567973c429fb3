"""The store that survives: PostgreSQL, or the embedded SQLite."""
