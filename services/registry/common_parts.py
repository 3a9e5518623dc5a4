"""Which parts of names are common, so that a search takes the shorter way."""

import time

from services.kernel.database import Database
from services.registry.models import SCHEMA
from services.registry.names import grams

NEAR = 10_000
"""How many enterprises are read in order before the index of names is asked after all."""
_COMMON_SHARE = 0.02
_COUNT_AGAIN_SECONDS = 300.0
_COUNTED = f"SELECT {SCHEMA}.common_grams($1)"


class CommonParts:
    """The parts that stand in very many names, as the database counted them last.

    What stands in one name of fifty is found sooner by reading names in order than by an index,
    which would have to collect every fiftieth enterprise first.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._common: frozenset[str] = frozenset()
        self._counted_at = float("-inf")

    async def has(self, part: str) -> bool:
        """Whether every two characters side by side of a part, as it is searched, are common."""
        if time.monotonic() - self._counted_at > _COUNT_AGAIN_SECONDS:
            self._counted_at = time.monotonic()
            rows = await self._database.fetch(_COUNTED, _COMMON_SHARE)
            self._common = frozenset(row[0] for row in rows)
        return all(gram in self._common for gram in grams(part))
