"""Long work that a request asked for: taken up by whichever process is free, one piece at a time.

A process holds a piece by a lock of the database, on a connection of its own. The database gives the
lock back the moment a process dies, so nobody waits for a dead one: the next to look takes it up.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.logging import log
from services.kernel.transaction import Runtime

_LOOK_AGAIN_SECONDS = 0.5

Job = TypeVar("Job")


class JobWorker(ABC, Generic[Job]):
    """Brings pieces of work to their end. A service says which there are, and what to do."""

    name: str

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @abstractmethod
    async def to_do(self, session: AsyncSession) -> Sequence[UUID]:
        """Return what is not at its end, the oldest first."""

    @abstractmethod
    async def find(self, session: AsyncSession, job_id: UUID) -> Job | None:
        """Return a piece as it is now; None where it has come to its end meanwhile."""

    @abstractmethod
    async def work_on(self, job: Job) -> None:
        """Do it. What an exception leaves undone is taken up again."""

    async def run(self) -> None:
        while True:
            try:
                while await self.work_once():
                    pass
            except Exception:
                log.exception("job_not_worked_on", worker=self.name)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def work_once(self) -> bool:
        """Work on the oldest piece that nobody has in hand. Return whether there was one."""
        # One connection holds the piece; the work itself is done on others.
        async with self._runtime.database.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            async with AsyncSession(connection, expire_on_commit=False) as holding:
                for job_id in await self.to_do(holding):
                    if not await holding.scalar(
                        select(func.pg_try_advisory_lock(_lock_of(job_id)))
                    ):
                        continue
                    try:
                        job = await self.find(holding, job_id)
                        if job is None:
                            continue
                        holding.expunge_all()
                        await self.work_on(job)
                    finally:
                        await holding.execute(select(func.pg_advisory_unlock(_lock_of(job_id))))
                    return True
        return False


def _lock_of(job_id: UUID) -> int:
    """Return the number of a piece's advisory lock; the random half of its id makes it one."""
    return int.from_bytes(job_id.bytes[8:], signed=True)
