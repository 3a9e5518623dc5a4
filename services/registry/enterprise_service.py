"""Enterprises: what they are called and where they are, on every day and as it was known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.identity.actor import Actor
from services.kernel.text import Text
from services.policy import credit_code
from services.policy.credit_code import CreditCodeInvalid
from services.registry.models import Attribute, Enterprise, EnterpriseEntry
from services.registry.names import searchable
from services.registry.problems import CreditCodeNotValid, EnterpriseNotFound
from services.registry.repository import EnterpriseRepository


@dataclass(frozen=True, slots=True)
class Profile:
    """What the registry is told of an enterprise beside its title."""

    uscc: str
    legal_name: str
    division: str
    focus_field: str | None
    is_secret: bool


@dataclass(frozen=True, slots=True)
class KnownAs:
    """What an enterprise was called and where it was on a day."""

    legal_name: str | None
    """None on a day before the first name that is on record."""
    division: str | None
    focus_field: str | None


def known_as(
    entries: Iterable[EnterpriseEntry], on: date, known_at: datetime | None = None
) -> KnownAs:
    """Read a day's name and place off the entries, as they were on record at an instant."""
    found: dict[Attribute, str | None] = {}
    for entry in sorted(entries, key=lambda one: (one.valid_from, one.recorded_at, one.id)):
        is_known = known_at is None or entry.recorded_at <= known_at
        if is_known and entry.valid_from <= on:
            found[entry.attribute] = entry.value
    return KnownAs(
        legal_name=found.get(Attribute.LEGAL_NAME),
        division=found.get(Attribute.DIVISION),
        focus_field=found.get(Attribute.FOCUS_FIELD),
    )


def first_known(entries: Iterable[EnterpriseEntry], known_at: datetime | None = None) -> KnownAs:
    """Return what an enterprise was called and where it was on the first day that is on record."""
    on_record = [entry for entry in entries if known_at is None or entry.recorded_at <= known_at]
    begins = {
        attribute: min(
            (entry.valid_from for entry in on_record if entry.attribute is attribute),
            default=date.min,
        )
        for attribute in Attribute
    }
    return KnownAs(
        legal_name=known_as(on_record, begins[Attribute.LEGAL_NAME]).legal_name,
        division=known_as(on_record, begins[Attribute.DIVISION]).division,
        focus_field=known_as(on_record, begins[Attribute.FOCUS_FIELD]).focus_field,
    )


_COUNTERPARTS = ("successor_uscc", "other_uscc", "from_uscc")
"""Where history names another enterprise beside the one that it is of."""


def _without_hidden(data: Mapping[str, Any], hidden: set[str]) -> dict[str, Any]:
    """Return what history tells, without an enterprise that the reader may not know of."""

    def shown(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: shown(one) for name, one in value.items()}
        return None if isinstance(value, str) and value in hidden else value

    return {name: shown(value) for name, value in data.items()}


def read_credit_code(text: str, pointer: str = "/uscc") -> str:
    """Return a credit code in its one spelling. Raises `CreditCodeNotValid`."""
    try:
        return credit_code.parse(text).value
    except CreditCodeInvalid as invalid:
        raise CreditCodeNotValid(
            invalid.detail.zh,
            invalid.detail.en,
            errors=[(pointer, invalid.code, Text(invalid.detail.zh, invalid.detail.en))],
        ) from invalid


class EnterpriseService:
    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self._session = session
        self._enterprises = EnterpriseRepository(session)
        self._clock = clock

    async def keep_profile(self, profile: Profile, *, known_from: date) -> Enterprise:
        """Return the locked enterprise with what it is called and where it is from a day on.

        It is made if it is new. What differs from what holds on that day becomes a new entry; what
        is announced late changes no later day that is known better.
        """
        now = self._clock.now()
        has_changed = await self._enterprises.create(
            uscc=profile.uscc,
            legal_name=profile.legal_name,
            names_searched=searchable(profile.legal_name),
            division=profile.division,
            is_secret=profile.is_secret,
            now=now,
        )
        enterprise = await self._enterprises.lock(profile.uscc)
        if enterprise is None:
            raise LookupError(profile.uscc)
        has_changed = has_changed or enterprise.is_secret != profile.is_secret
        enterprise.is_secret = profile.is_secret
        held = known_as(await self._enterprises.entries(profile.uscc), known_from)
        for attribute, before, after in (
            (Attribute.LEGAL_NAME, held.legal_name, profile.legal_name),
            (Attribute.DIVISION, held.division, profile.division),
            (Attribute.FOCUS_FIELD, held.focus_field, profile.focus_field),
        ):
            if before != after:
                has_changed = True
                await self._enterprises.add_entry(
                    uscc=profile.uscc,
                    attribute=attribute,
                    value=after,
                    valid_from=known_from,
                    now=now,
                )
        if has_changed:
            await self.refresh(enterprise)
        return enterprise

    async def refresh(self, enterprise: Enterprise) -> None:
        """Bring the row of a locked enterprise to what its entries say of today.

        What begins on a day to come is not yet so; before its first entry, the first one counts.
        """
        entries = await self._enterprises.entries(enterprise.uscc)
        today = known_as(entries, self._clock.today())
        first = first_known(entries)
        names = [
            searchable(entry.value)
            for entry in entries
            if entry.attribute is Attribute.LEGAL_NAME and entry.value is not None
        ]
        enterprise.legal_name = today.legal_name or first.legal_name or enterprise.legal_name
        enterprise.division = today.division or first.division or enterprise.division
        enterprise.focus_field = today.focus_field
        # Whoever looks for a title by the name of who held it before finds who holds it now.
        before = await self._enterprises.names_before(enterprise)
        enterprise.names_searched = "\n".join(dict.fromkeys([*names, *before]))
        enterprise.updated_at = self._clock.now()
        await self._session.flush()

    async def find(self, uscc: str, reader: Actor) -> Enterprise:
        found = await self._enterprises.find(credit_code.normalise(uscc), reader)
        if found is None:
            raise EnterpriseNotFound
        return found

    async def lock_in_charge(self, uscc: str, officer: Actor) -> Enterprise:
        """Lock an enterprise of the officer's own division. To others it is not there."""
        code = credit_code.normalise(uscc)
        if await self._enterprises.in_charge(code, officer) is None:
            raise EnterpriseNotFound
        locked = await self._enterprises.lock(code)
        if locked is None or not officer.is_in_charge_of(locked.division):
            raise EnterpriseNotFound
        return locked

    async def history(self, uscc: str, reader: Actor) -> Sequence[Mapping[str, Any]]:
        """Return every step that concerns an enterprise; its own, or those of its offices."""
        code = credit_code.normalise(uscc)
        if await self._enterprises.in_charge(code, reader) is None:
            raise EnterpriseNotFound
        rows = await self._enterprises.history(code)
        named = {row["data"].get(one) for row in rows for one in _COUNTERPARTS} - {None}
        hidden = await self._enterprises.hidden_from(reader, sorted(named))
        return [dict(row) | {"data": _without_hidden(row["data"], hidden)} for row in rows]
