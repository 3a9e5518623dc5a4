"""How the names of enterprises are spelled for search."""

import unicodedata


def searchable(name: str) -> str:
    """Return a name, or a part of one, as it is searched: width, case and blanks make no difference."""
    return "".join(unicodedata.normalize("NFKC", name).split()).lower()


def grams(part: str) -> list[str]:
    """Return each two characters side by side of a part of a name, or its only character.

    The database keeps the same of every name (`name_grams`); whatever contains the part has them all.
    """
    return sorted({part[place : place + 2] for place in range(len(part) - 1)} or {part})
