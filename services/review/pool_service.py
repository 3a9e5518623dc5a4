"""The pool of experts, and what binds people to enterprises (回避)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.exc import IntegrityError

from services.kernel.clock import Clock
from services.kernel.database import violated_constraint
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.preconditions import require_current
from services.kernel.text import Text
from services.policy import credit_code
from services.policy.credit_code import CreditCodeInvalid
from services.policy.procedure import TieKind
from services.review.models import Expert, PersonTie
from services.review.panel_repository import PanelRepository
from services.review.problems import CreditCodeNotValid, ExpertKnownAlready, ExpertNotFound
from services.review.ties import put_down

_CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertGiven:
    """What is said of an expert."""

    name: str
    employer: str
    employer_uscc: str | None
    fields: Sequence[str]
    division: str
    is_active: bool


class PoolService:
    def __init__(self, panels: PanelRepository, journal: Journal, clock: Clock) -> None:
        self._panels = panels
        self._journal = journal
        self._clock = clock

    async def register(self, sub: str, given: ExpertGiven, officer: Actor) -> Expert:
        """Take an expert into the pool, under a code that names nobody in public."""
        if await self._panels.experts_named([sub]):
            raise ExpertKnownAlready
        now = self._clock.now()
        expert = Expert(
            sub=sub,
            region=officer.region or "",
            code="".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH)),
            registered_by=officer.sub,
            changed_by=officer.sub,
            registered_at=now,
            **_columns(given),
            updated_at=now,
        )
        self._panels.add(expert)
        try:
            await self._panels.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "pk_experts":
                raise ExpertKnownAlready from error
            raise
        self._record(expert, "registered", officer)
        return expert

    async def change(
        self, code: str, given: ExpertGiven, *, version: int, officer: Actor
    ) -> Expert:
        """Change what the pool knows of an expert; draws that were made keep what they knew."""
        expert = await self._panels.expert(code, officer, for_update=True)
        if expert is None:
            raise ExpertNotFound
        require_current(version, expert.version)
        for name, value in _columns(given).items():
            setattr(expert, name, value)
        expert.updated_at = self._clock.now()
        expert.changed_by = officer.sub
        await self._panels.flush()
        self._record(expert, "changed", officer)
        return expert

    async def find(self, code: str, reader: Actor) -> Expert:
        found = await self._panels.expert(code, reader)
        if found is None:
            raise ExpertNotFound
        return found

    async def page(
        self, reader: Actor, page: Paging, *, field: str | None, is_active: bool | None
    ) -> Found[Expert]:
        return await self._panels.experts(reader, page, field=field, is_active=is_active)

    async def declare(
        self,
        *,
        sub: str,
        uscc: str,
        kind: TieKind,
        from_on: date | None,
        until_on: date | None,
        note: str,
        declared_by: Actor,
    ) -> PersonTie:
        """Put down what binds a person to an enterprise. It is never taken back, only added to."""
        return put_down(
            self._panels,
            self._journal,
            self._clock,
            sub=sub,
            uscc=_code(uscc),
            kind=kind,
            note=note,
            by=declared_by,
            from_on=from_on,
            until_on=until_on,
        )

    async def ties(
        self, reader: Actor, page: Paging, *, sub: str | None, uscc: str | None
    ) -> Found[PersonTie]:
        return await self._panels.ties(
            reader,
            page,
            sub=sub,
            uscc=None if uscc is None else credit_code.normalise(uscc),
        )

    def _record(self, expert: Expert, action: str, officer: Actor) -> None:
        self._journal.record(
            HistoryEntry(
                subject_type="expert",
                subject_id=expert.code,
                action=action,
                actor=officer,
                data={
                    "employer_uscc": expert.employer_uscc,
                    "fields": expert.fields,
                    "division": expert.division,
                    "is_active": expert.is_active,
                },
            )
        )


def _columns(given: ExpertGiven) -> dict[str, object]:
    return {
        "name": given.name,
        "employer": given.employer,
        "employer_uscc": (
            None if given.employer_uscc is None else _code(given.employer_uscc, "/employer_uscc")
        ),
        "fields": sorted(set(given.fields)),
        "division": given.division,
        "is_active": given.is_active,
    }


def _code(text: str, pointer: str = "/uscc") -> str:
    try:
        return credit_code.parse(text).value
    except CreditCodeInvalid as invalid:
        raise CreditCodeNotValid(
            invalid.detail.zh,
            invalid.detail.en,
            errors=[(pointer, invalid.code, Text(invalid.detail.zh, invalid.detail.en))],
        ) from invalid
