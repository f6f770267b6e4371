"""A run's SQLite journal: schema, writer, reader, repair."""
