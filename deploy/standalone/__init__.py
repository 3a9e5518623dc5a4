"""The whole platform in one process on an embedded PostgreSQL."""
