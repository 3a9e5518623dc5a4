"""认定机关: which body confers a title. Whoever issued the rules need not be who applies them."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from services.kernel.regions import province_of
from services.policy.pack import Title

_FILE = Path(__file__).parent / "data" / "authorities.toml"


def conferring_body(title: Title, division: str) -> str | None:
    """Return who confers a title on an enterprise of a division; None where that is not known."""
    known = _authorities()
    match title.conferred_by:
        case "ministry":
            return str(known["ministry"]["body"])
        case "programme":
            found = known["programme"].get(province_of(division))
            return None if found is None else str(found["body"])
        case "city":
            return None


@lru_cache
def _authorities() -> dict[str, Any]:
    with _FILE.open("rb") as file:
        return tomllib.load(file)
