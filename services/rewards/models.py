"""The tables of rewards."""

from services.kernel.database import service_metadata
from services.kernel.journal import journal_tables

SCHEMA = "rewards"
metadata = service_metadata(SCHEMA)
tables = journal_tables(metadata)
