"""Six-digit division codes (GB/T 2260): which one lies under which."""

NATION = "000000"
"""The whole country: no code of the standard, and the jurisdiction of a national rule."""


def covers(region: str, division: str) -> bool:
    """Whether `division` is `region` or lies under it: 520000 covers 520102, 520100 does too."""
    return division.startswith(prefix_of(region))


def prefix_of(region: str) -> str:
    """Return the digits shared by everything under a division: 520000 gives 52, 520102 all six.

    The nation shares none.
    """
    if region == NATION:
        return ""
    if region.endswith("0000"):
        return region[:2]
    if region.endswith("00"):
        return region[:4]
    return region


def is_province(region: str) -> bool:
    return region.endswith("0000") and region != NATION


def is_city(region: str) -> bool:
    """Whether it is a city, a prefecture, or an area that stands beside them (520900)."""
    return region.endswith("00") and not region.endswith("0000")


def is_county(region: str) -> bool:
    return not region.endswith("00")


def city_of(division: str) -> str:
    """Return the city, prefecture or area that a division lies in: 520102 gives 520100."""
    return f"{division[:4]}00"


def province_of(division: str) -> str:
    """Return the province that a division lies in: 520102 gives 520000."""
    return f"{division[:2]}0000"
