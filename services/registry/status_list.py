"""The signed list by which a certificate is checked without asking (Token Status List). Pure.

Each recognition has a place in it; two bits say how the title stands on the day of the list.
"""

import base64
import zlib
from collections.abc import Iterable
from enum import IntEnum

BITS = 2


class Place(IntEnum):
    """What stands in a place of the list, in the words of the standard."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2


def packed(places: Iterable[tuple[int, Place]], *, size: int) -> str:
    """Return the list as it is published: two bits a place, compressed (ZLIB), base64url.

    The first place is in the lowest bits of the first byte. A place that is not given reads
    invalid: nothing can be told of it.
    """
    content = bytearray(b"\x55" * ((size * BITS + 7) // 8))
    for index, place in places:
        byte, shift = index // 4, index % 4 * BITS
        content[byte] = content[byte] & ~(0b11 << shift) & 0xFF | place << shift
    return base64.urlsafe_b64encode(zlib.compress(bytes(content), 9)).decode().rstrip("=")


def place_of(lst: str, index: int) -> Place:
    """Read a place off a published list, as a bank would. Raises `IndexError` beyond its end."""
    content = zlib.decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))
    return Place(content[index // 4] >> index % 4 * BITS & 0b11)
