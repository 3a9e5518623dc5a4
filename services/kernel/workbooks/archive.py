"""An XLSX file as the archive that it is, taken apart without trusting what it says of itself.

Every part is unpacked under our own count, and nothing of it is written to disk. A document type, a
macro, a link to elsewhere, or a part that is not what the directory says is refused.
"""

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import BinaryIO, Final, NoReturn
from xml.parsers import expat

MOST_PARTS: Final = 500
LARGEST_DIRECTORY: Final = 2**20
LARGEST_CONTENT: Final = 128 * 2**20
"""Of all parts, unpacked. Ten thousand rows of the widest template are 30 MiB."""
STEEPEST_RATIO: Final = 250
"""Above this and `RATIO_COUNTS_FROM`, nobody typed it."""
RATIO_COUNTS_FROM: Final = 16 * 2**20
BLOCK: Final = 64 * 2**10
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
WORKBOOK: Final = "xl/workbook.xml"
_MACROS = re.compile(r"vbaproject|(^|/)(macrosheets|activex)/")
_EXTERNAL = re.compile(r"^xl/(externallinks/|querytables/|connections\.xml)")
_LOCKED = 0x1 | 0x40 | 0x2000
_UTF8_NAME = 0x800


class Refused(Exception):
    """The workbook is not read."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.zh = zh
        self.en = en


def refuse_damaged(why: str) -> NoReturn:
    raise Refused(
        "unreadable",
        "文件已损坏或结构异常，无法读取；请用 Excel 或 WPS 打开后另存为 .xlsx 再上传。",
        f"The file is damaged ({why}); open it in Excel, save it as .xlsx and upload it again.",
    )


def refuse_large() -> NoReturn:
    raise Refused(
        "too_large",
        f"文件展开后超过 {LARGEST_CONTENT // 2**20} MiB，或压缩比异常；请删除多余的工作表、图片和格式。",
        f"Unpacked it is above {LARGEST_CONTENT // 2**20} MiB, or packed too well to be typed;"
        " remove other sheets, pictures and formats.",
    )


class Archive:
    """The parts of an archive, each unpacked under our own count."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._parts = _parts_of(file)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._parts

    def names(self) -> Iterator[str]:
        """Yield the names in small letters, as this kind of archive compares them."""
        yield from self._parts

    def blocks(self, name: str) -> Iterator[bytes]:
        """Unpack one part. Refuses it as soon as it is not what the directory said."""
        part = self._parts[name.lower()]
        size, checksum = 0, 0
        for block in self._unpacked(part):
            size += len(block)
            if size > part.file_size:
                refuse_damaged("a part is larger than declared")
            checksum = zlib.crc32(block, checksum)
            yield block
        if size != part.file_size or checksum != part.CRC:
            refuse_damaged("a part is not what was declared")

    def _unpacked(self, part: zipfile.ZipInfo) -> Iterator[bytes]:
        packed = self._packed(part)
        if part.compress_type == zipfile.ZIP_STORED:
            yield from packed
            return
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for block in packed:
                given = block
                while given and not inflate.eof:
                    yield inflate.decompress(given, BLOCK)
                    given = inflate.unconsumed_tail
            while not inflate.eof and (rest := inflate.decompress(b"", BLOCK)):
                yield rest
        except zlib.error:
            refuse_damaged("a part cannot be unpacked")
        if not inflate.eof:
            refuse_damaged("a part is cut short")

    def _packed(self, part: zipfile.ZipInfo) -> Iterator[bytes]:
        self._file.seek(part.header_offset)
        head = self._file.read(30)
        if len(head) < 30 or not head.startswith(b"PK\x03\x04"):  # noqa: PLR2004 - the header's size
            refuse_damaged("a part does not stand where the directory says")
        flags, method = struct.unpack("<HH", head[6:10])
        name_size, extra_size = struct.unpack("<HH", head[26:30])
        name = self._file.read(name_size)
        encoding = "utf-8" if part.flag_bits & _UTF8_NAME else "cp437"
        if name != part.orig_filename.encode(encoding) or method != part.compress_type:
            refuse_damaged("a part is called otherwise than in the directory")
        if flags & _LOCKED:
            refuse_locked()
        position = part.header_offset + 30 + name_size + extra_size
        left = part.compress_size
        while left > 0:
            # Another part may have been read in between.
            self._file.seek(position)
            block = self._file.read(min(BLOCK, left))
            if not block:
                refuse_damaged("the file is cut short")
            position += len(block)
            left -= len(block)
            yield block


def refuse_locked() -> NoReturn:
    raise Refused(
        "not_xlsx",
        "文件已加密，无法读取；请取消密码后另存为 .xlsx。",
        "The file is encrypted; save it as .xlsx without a password.",
    )


def _parts_of(file: BinaryIO) -> dict[str, zipfile.ZipInfo]:
    head = file.read(len(OLE))
    if head == OLE:
        raise Refused(
            "not_xlsx",
            "这是旧版 .xls 文件或已加密的文件；请取消密码，另存为 .xlsx 后上传。",
            "It is an old .xls or is encrypted; save it as .xlsx without a password.",
        )
    if not head.startswith(b"PK\x03\x04"):
        refuse_kind()
    packed_size = _refuse_large_directory(file)
    try:
        # The archive is never read through this object: it trusts the sizes that it is told.
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
        refuse_damaged("it is no sound archive")
    if len(infos) > MOST_PARTS:
        refuse_large()
    parts: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        _refuse_part(info)
        name = info.orig_filename.lower()
        if name in parts:
            refuse_damaged("a part is there twice")
        if not name.endswith("/"):
            parts[name] = info
    content = sum(part.file_size for part in parts.values())
    if content > LARGEST_CONTENT or content > max(RATIO_COUNTS_FROM, STEEPEST_RATIO * packed_size):
        refuse_large()
    return parts


def refuse_kind() -> NoReturn:
    raise Refused(
        "not_xlsx",
        "不是 .xlsx 工作簿；请下载模板填写，保存为“Excel 工作簿（*.xlsx）”后上传。",
        "It is no .xlsx workbook; fill the template and save it as .xlsx.",
    )


def _refuse_large_directory(file: BinaryIO) -> int:
    """Refuse a directory that could not be held in memory; return the file's size."""
    size = file.seek(0, io.SEEK_END)
    tail_size = min(size, 2**16 + 42)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        refuse_damaged("its directory is missing")
    (directory_size,) = struct.unpack("<L", tail[end + 12 : end + 16])
    # A workbook below four gigabytes has no use for the second directory of Zip64.
    if directory_size > LARGEST_DIRECTORY or tail[max(0, end - 20) : end].startswith(b"PK\x06\x07"):
        refuse_large()
    file.seek(0)
    return size


def _refuse_part(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename
    pieces = name.split("/")
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    if (
        "\x00" in name
        or "\\" in name
        or ":" in name
        or ".." in pieces
        or pieces[0] == ""
        or is_link
    ):
        raise Refused(
            "unsafe_path",
            "压缩包内含有不安全的路径；请用模板重新填写。",
            "A part of the archive has an unsafe path; fill the template anew.",
        )
    if info.flag_bits & _LOCKED:
        refuse_locked()
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        refuse_damaged("a part is packed in another way than Excel packs")


def look_through(archive: Archive) -> None:
    """Refuse what a sheet of facts has no use for, and unpack everything once under our count."""
    for name in archive.names():
        if _MACROS.search(name):
            refuse_macros()
        if _EXTERNAL.search(name):
            raise Refused(
                "external_links",
                "工作簿引用了其他文件或数据连接；请在“数据”中断开链接、删除连接后上传。",
                "It links to other files or data; break the links before you upload it.",
            )
    for name in archive.names():
        # Other folders hold parts of other programs, in encodings of theirs, that nobody reads.
        if name.endswith((".xml", ".rels")) and name.startswith(("xl/", "_rels/", "[content")):
            parse(archive.blocks(name))
            continue
        for _ in archive.blocks(name):
            pass
    if WORKBOOK not in archive:
        refuse_kind()


def refuse_macros() -> NoReturn:
    raise Refused(
        "macros",
        "工作簿含有宏或控件；请另存为不含宏的 .xlsx。",
        "It has macros or controls; save it as .xlsx without macros.",
    )


# ---------------------------------------------------------------- markup

Attributes = Mapping[str, str]


def parse(
    blocks: Iterable[bytes],
    *,
    on_start: Callable[[str, Attributes], None] | None = None,
    on_end: Callable[[str], None] | None = None,
    on_text: Callable[[str], None] | None = None,
) -> None:
    """Stream one part. A DOCTYPE is refused, and with it every entity of a stranger's."""
    # The encoding is set, so that no declaration makes us read otherwise than the library does.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    if on_start is not None:
        parser.StartElementHandler = on_start
    if on_end is not None:
        parser.EndElementHandler = on_end
    if on_text is not None:
        parser.CharacterDataHandler = on_text
    try:
        for block in blocks:
            parser.Parse(block, False)
        parser.Parse(b"", True)
    except expat.ExpatError:
        refuse_damaged("its markup is not well formed")


def _refuse_doctype(*_: object) -> NoReturn:
    raise Refused(
        "forbidden_markup",
        "文件内含有 DOCTYPE 或实体定义，不予读取；请用模板重新填写。",
        "It declares a document type or entities, which are not read; fill the template anew.",
    )


@lru_cache(maxsize=1024)
def local(name: str) -> str:
    """Return a name without its prefix, as the library reads it."""
    return name.rpartition(":")[2]
