"""A draw that anyone can run again: by commitment to a secret, then a public value. Pure.

A draw has lots: each has a name, a number of seats and candidates, who are opaque codes. For a panel
a lot is a case and its candidates are experts; for site visits it is a city and they are cases.

Neither side can steer who is drawn. The platform fixes its secret, the lots and their candidates
first and publishes the fingerprint of each; only then does the public value come to be, such as the
numbers of a lottery on a day named in advance. Whoever knows the secret does not know that value
yet and can no longer change the secret; whoever brings about the value does not know the secret.
Once the secret is published too, everybody can look the value up and work the draw out again.
"""

import hashlib
import hmac
import json
import secrets
import unicodedata
from collections import Counter
from collections.abc import Iterable

_SECRET_BYTES = 32


def new_secret() -> str:
    """Return 64 hexadecimal digits that nobody can guess."""
    return secrets.token_hex(_SECRET_BYTES)


def commitment_of(secret: str) -> str:
    """Return what is published before the public value exists: it binds to the secret, unseen."""
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def seed_of(secret: str, public_value: str) -> str:
    """Return what decides the draw: it depends on both, so that neither side alone can choose it.

    The public value is what anybody can look up afterwards. It is read from elsewhere and typed, so
    spaces around it and the way its accents are encoded do not count.
    """
    looked_up = unicodedata.normalize("NFC", public_value).strip()
    return hashlib.sha256(f"{secret}\n{looked_up}".encode()).hexdigest()


def ranking(seed: str, lot: str, candidates: Iterable[str]) -> list[str]:
    """Return the candidates of a lot in the order in which they are drawn.

    Each gets a number that depends only on the seed, the lot and its own code, so the order in which
    they are listed says nothing, and whoever steps aside leaves the order of the others as it is.
    Raises ValueError for a candidate who is listed twice.
    """
    listed = list(candidates)
    twice = [candidate for candidate, times in Counter(listed).items() if times > 1]
    if twice:
        raise ValueError(f"listed twice in the lot {lot}: {', '.join(sorted(twice))}")
    return sorted(listed, key=lambda candidate: (_number(seed, lot, candidate), candidate))


def _number(seed: str, lot: str, candidate: str) -> str:
    message = f"{lot}\n{candidate}".encode()
    return hmac.digest(seed.encode("ascii"), message, "sha256").hex()


def candidates_sha256(lot: str, seats: int, candidates: Iterable[str]) -> str:
    """Return the fingerprint of a lot: published with the commitment, it fixes who is in it."""
    fixed = {"candidates": sorted(candidates), "lot": lot, "seats": seats}
    canonical = json.dumps(fixed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def seats_of_sample(population: int, percent: int) -> int:
    """Return how many of a population are visited: rounded up, so at least one of anything.

    A percentage is at least 1.
    """
    return -(-population * percent // 100)
