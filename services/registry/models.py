"""The tables of registry."""

from services.kernel.database import service_metadata
from services.kernel.journal import journal_tables

SCHEMA = "registry"
metadata = service_metadata(SCHEMA)
tables = journal_tables(metadata)
