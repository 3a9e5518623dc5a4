"""Files kept by the hash of their content: in a folder, or in any store that speaks S3.

A file is never changed and never overwritten by another one, because its name is what it holds. So
a retry, a crash between the file and its row, or two people with the same file do no harm.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from services.kernel.problems import Overloaded

_CHUNK = 256 * 1024
_HALF_WRITTEN_SECONDS = 24 * 3600


class ContentMissing(Exception):
    """The store does not have what the database says that it keeps."""


@dataclass(frozen=True, slots=True)
class Kept:
    sha256: str
    size: int
    kept_at: datetime


class ContentStore:
    """`url` is `file:///a/folder`, `s3://bucket/prefix` and whatever else obstore understands.

    Credentials and endpoint of S3 come from the environment (`AWS_ACCESS_KEY_ID`,
    `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT`, `AWS_REGION` …).
    """

    def __init__(self, url: str) -> None:
        self._folder: Path | None = None
        self._store: ObjectStore
        if url.startswith("file://"):
            self._folder = Path(url.removeprefix("file://"))
            self._folder.mkdir(parents=True, exist_ok=True)
            self._store = LocalStore(self._folder)
        else:
            self._store = from_url(url)

    async def keep(self, file: Path, sha256: str) -> None:
        """Store a file under its hash; it is there, and on the disk, when this returns.

        It is written even when it is there already: that makes it young again, so that nobody
        sweeps it away while it is being referred to. Raises `Overloaded` when the store is away.
        """
        try:
            await obstore.put_async(self._store, _path_of(sha256), file)
        except obstore.exceptions.BaseError as error:
            raise _away() from error
        if self._folder is not None:
            await asyncio.to_thread(_sync, self._folder, _path_of(sha256))

    async def read(self, sha256: str, *, first: int = 0, size: int) -> AsyncIterator[bytes]:
        """Return `size` bytes, at least one, from the byte `first` on, in parts as they come.

        Raises `ContentMissing`, or `Overloaded` when the store is away, before anything is returned.
        """
        try:
            got = await obstore.get_async(
                self._store, _path_of(sha256), options={"range": (first, first + size)}
            )
        except FileNotFoundError as error:
            raise ContentMissing(sha256) from error
        except obstore.exceptions.BaseError as error:
            raise _away() from error

        async def parts() -> AsyncIterator[bytes]:
            async for chunk in got.stream(min_chunk_size=_CHUNK):
                yield bytes(chunk)

        return parts()

    async def fetch(self, sha256: str, into: Path, *, size: int) -> None:
        """Copy a file to where a program can open it. Raises `ContentMissing`."""
        with into.open("wb") as file:
            async for chunk in await self.read(sha256, size=size):
                file.write(chunk)

    async def keep_again_if_gone(self, file: Path, sha256: str) -> None:
        """Store a file once more when it was swept since `keep`. The caller keeps others from it."""
        try:
            await obstore.head_async(self._store, _path_of(sha256))
        except FileNotFoundError:
            await self.keep(file, sha256)
        except obstore.exceptions.BaseError as error:
            raise _away() from error

    def clear_half_written(self) -> int:
        """Delete what a process that died was writing into a folder, a day ago. Return how many."""
        if self._folder is None:
            return 0
        long_ago = time.time() - _HALF_WRITTEN_SECONDS
        half_written = [
            one
            for one in self._folder.glob("*/*/*#*")
            if one.is_file() and one.stat().st_mtime < long_ago
        ]
        for one in half_written:
            one.unlink(missing_ok=True)
        return len(half_written)

    async def forget(self, sha256: str, *, kept_before: datetime) -> bool:
        """Delete a file, unless it was kept again meanwhile. Return whether it was deleted."""
        path = _path_of(sha256)
        try:
            if (await obstore.head_async(self._store, path))["last_modified"] >= kept_before:
                return False
            await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return False
        return True

    async def listed(self) -> AsyncIterator[Kept]:
        """Yield every file that is there, and nothing else that a bucket may be used for."""
        async for batch in obstore.list(self._store):
            for one in batch:
                name = one["path"].rpartition("/")[2]
                if one["path"] == _path_of(name):
                    yield Kept(sha256=name, size=one["size"], kept_at=one["last_modified"])


def _path_of(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _away() -> Overloaded:
    return Overloaded(
        "文件存储暂时不可用，请稍后重试。",
        "The store of files cannot be reached; try again shortly.",
        headers={"Retry-After": "5"},
    )


def _sync(folder: Path, path: str) -> None:
    """Wait until a file, its name and new folders are on the disk: the row that refers to it follows."""
    for place in (path, *(str(parent) for parent in PurePosixPath(path).parents)):
        descriptor = os.open(folder / place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
