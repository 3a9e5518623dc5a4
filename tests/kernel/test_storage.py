"""Files kept by the hash of their content, in a folder. What speaks S3 is tried against a stand-in by hand."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.kernel.problems import Overloaded
from services.kernel.storage import ContentMissing, ContentStore, Kept

CONTENT = bytes(range(256)) * 4000
NAME = sha256(CONTENT).hexdigest()
LATER = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(f"file://{tmp_path}/a folder/文件")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "arriving").write_bytes(CONTENT)
    return tmp_path / "arriving"


def files_in(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def make_old(folder: Path, name: str, age: timedelta) -> None:
    then = (datetime.now(UTC) - age).timestamp()
    os.utime(next(folder.rglob(name)), (then, then))


async def all_of(store: ContentStore, name: str, *, first: int = 0, size: int) -> bytes:
    return b"".join([part async for part in await store.read(name, first=first, size=size)])


async def listed(store: ContentStore) -> list[Kept]:
    return [one async for one in store.listed()]


async def test_a_file_is_there_when_keep_returns_under_its_hash_and_nothing_else_is(
    store: ContentStore, file: Path, tmp_path: Path
) -> None:
    await store.keep(file, NAME)

    assert files_in(tmp_path / "a folder") == [f"文件/{NAME[:2]}/{NAME[2:4]}/{NAME}"]
    assert next((tmp_path / "a folder").rglob(NAME)).read_bytes() == CONTENT


async def test_another_process_finds_it(store: ContentStore, file: Path, tmp_path: Path) -> None:
    await store.keep(file, NAME)

    again = ContentStore(f"file://{tmp_path}/a folder/文件")

    assert await all_of(again, NAME, size=len(CONTENT)) == CONTENT


async def test_a_file_that_is_kept_twice_is_there_once_and_young_again(
    store: ContentStore, file: Path, tmp_path: Path
) -> None:
    await store.keep(file, NAME)
    make_old(tmp_path / "a folder", NAME, LATER)

    await store.keep(file, NAME)

    (kept,) = await listed(store)
    assert (kept.sha256, kept.size) == (NAME, len(CONTENT))
    assert datetime.now(UTC) - kept.kept_at < timedelta(minutes=1)


async def test_many_who_keep_the_same_file_at_once_do_no_harm(
    store: ContentStore, file: Path, tmp_path: Path
) -> None:
    await asyncio.gather(*(store.keep(file, NAME) for _ in range(20)))

    assert await all_of(store, NAME, size=len(CONTENT)) == CONTENT
    assert len(files_in(tmp_path / "a folder")) == 1


async def test_who_reads_while_it_is_kept_again_reads_all_of_it(
    store: ContentStore, file: Path
) -> None:
    await store.keep(file, NAME)
    parts = await store.read(NAME, size=len(CONTENT))

    begun = await anext(parts)
    await store.keep(file, NAME)
    rest = b"".join([part async for part in parts])

    assert begun + rest == CONTENT


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, len(CONTENT) - 1)))
async def test_any_part_of_a_file_can_be_read(
    store: ContentStore, file: Path, places: tuple[int, int]
) -> None:
    first, last = sorted(places)
    await store.keep(file, NAME)

    part = await all_of(store, NAME, first=first, size=last - first + 1)

    assert part == CONTENT[first : last + 1]


async def test_a_file_is_copied_to_where_a_program_opens_it(
    store: ContentStore, file: Path, tmp_path: Path
) -> None:
    await store.keep(file, NAME)

    await store.fetch(NAME, tmp_path / "copy", size=len(CONTENT))

    assert (tmp_path / "copy").read_bytes() == CONTENT


async def test_what_is_not_there_is_missing_and_nothing_is_answered_instead(
    store: ContentStore, tmp_path: Path
) -> None:
    with pytest.raises(ContentMissing):
        await store.read(NAME, size=1)
    with pytest.raises(ContentMissing):
        await store.fetch(NAME, tmp_path / "copy", size=1)

    assert await listed(store) == []


async def test_a_file_is_forgotten_once_and_only_when_it_is_old(
    store: ContentStore, file: Path, tmp_path: Path
) -> None:
    await store.keep(file, NAME)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)

    while_young = await store.forget(NAME, kept_before=an_hour_ago)
    make_old(tmp_path / "a folder", NAME, LATER)
    when_old = await store.forget(NAME, kept_before=an_hour_ago)
    again = await store.forget(NAME, kept_before=an_hour_ago)

    assert (while_young, when_old, again) == (False, True, False)
    assert await listed(store) == []


async def test_what_else_lies_in_the_folder_is_none_of_ours(
    store: ContentStore, file: Path, tmp_path: Path
) -> None:
    await store.keep(file, NAME)
    (tmp_path / "a folder" / "文件" / "lost+found").mkdir()
    (tmp_path / "a folder" / "文件" / "backup.tar").write_bytes(b"theirs")
    (tmp_path / "a folder" / "文件" / "lost+found" / NAME).write_bytes(b"theirs")

    names = [one.sha256 for one in await listed(store)]

    assert names == [NAME]


async def test_a_store_that_is_away_is_said_to_be_away(
    store: ContentStore, file: Path, tmp_path: Path
) -> None:
    # As a disk that was not mounted again: something else stands in the way.
    (tmp_path / "a folder" / "文件" / NAME[:2]).write_bytes(b"")

    with pytest.raises(Overloaded) as kept:
        await store.keep(file, NAME)
    with pytest.raises(Overloaded) as read:
        await store.read(NAME, size=1)

    assert (kept.value.settles, read.value.settles) == (False, False)
    assert kept.value.headers == read.value.headers == {"Retry-After": "5"}
