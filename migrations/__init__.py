"""One Alembic environment; each service has its own branch and version table."""
