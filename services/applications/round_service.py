"""What the province does with a round, and what is answered about one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.filing_rules import (
    APPLICANTS,
    filing_period,
    held_title,
    pack_of_round,
    require_open,
    require_title,
)
from services.applications.models import Round
from services.applications.problems import (
    ApplicationExists,
    ExtensionTooEarly,
    RoundClosed,
    RoundCodeTaken,
    RoundNotFound,
    UnknownPackOrTitle,
)
from services.applications.repository import (
    ApplicationRepository,
    HoldingRepository,
    RoundRepository,
)
from services.applications.workflow import FILED, ApplicationStatus, HeldTitle, refuse_kind
from services.kernel.actions import AvailableAction, offer
from services.kernel.clock import Clock
from services.kernel.database import violated_constraint
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, Office, Scope
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.problems import NotAllowed
from services.kernel.regions import covers
from services.policy.catalogue import Catalogue
from services.policy.divisions import divisions
from services.policy.matter import Kind
from services.policy.pack import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRound:
    code: str
    name: str
    title: str
    new_pack: str | None
    renewal_pack: str | None
    opens_on: date
    closes_on: date
    document_number: str


@dataclass(frozen=True, slots=True)
class CityCounts:
    city: str
    name: str
    by_status: Mapping[ApplicationStatus, int]
    """In this round."""
    filed_in_year: int
    """In all rounds of the year for this title: submitted, and not withdrawn since."""


@dataclass(frozen=True, slots=True)
class RoundCounts:
    year: int
    target: Target | None
    """What the pack wants of each city in a year."""
    cities: Sequence[CityCounts]


class RoundService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._rounds = RoundRepository(session)
        self._applications = ApplicationRepository(session)
        self._holdings = HoldingRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def open_round(self, new: NewRound, officer: Actor) -> Round:
        """Announce a round: which title, between which days, decided by which packs."""
        for name in (new.new_pack, new.renewal_pack):
            if name is None:
                continue
            pack = require_title(self._catalogue, name, new.title)
            if not pack.title_named(new.title).stages:
                raise UnknownPackOrTitle(
                    f"政策包 {name} 中没有可申报的称号 {new.title}。",
                    f"The pack {name} has no title {new.title} that is applied for.",
                )
            if not covers(pack.jurisdiction, officer.region or ""):
                raise UnknownPackOrTitle(
                    f"政策包 {name} 适用于 {pack.jurisdiction}，不适用于本辖区。",
                    f"The pack {name} is the law of {pack.jurisdiction}, not of {officer.region}.",
                )
        opened = Round(
            id=new_id(),
            code=new.code,
            name=new.name,
            title=new.title,
            region=officer.region or "",
            new_pack=new.new_pack,
            renewal_pack=new.renewal_pack,
            opens_on=new.opens_on,
            closes_on=new.closes_on,
            document_number=new.document_number,
            closed_at=None,
            created_at=self._clock.now(),
        )
        self._rounds.add(opened)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "uq_rounds_code":
                raise RoundCodeTaken from error
            raise
        self._record(opened, "opened", officer, reason=None, document_number=new.document_number)
        return opened

    async def extend(
        self,
        round_id: UUID,
        *,
        closes_on: date,
        document_number: str,
        reason: str,
        officer: Actor,
    ) -> Round:
        """Move the closing day of a round to a later one, by a numbered document."""
        extended = await self._lock(round_id, officer)
        if closes_on <= extended.closes_on:
            raise ExtensionTooEarly
        was = extended.closes_on
        extended.closes_on = closes_on
        await self._session.flush()
        self._record(
            extended,
            "extended",
            officer,
            reason=reason,
            document_number=document_number,
            closed_on_before=was.isoformat(),
        )
        return extended

    async def close(self, round_id: UUID, *, reason: str, officer: Actor) -> Round:
        """Close a round for good, before its closing day or after it."""
        closed = await self._lock(round_id, officer)
        closed.closed_at = self._clock.now()
        await self._session.flush()
        self._record(closed, "closed", officer, reason=reason)
        return closed

    async def find(self, round_id: UUID) -> Round:
        found = await self._rounds.find(round_id)
        if found is None:
            raise RoundNotFound
        return found

    async def page(self, page: Paging) -> Found[Round]:
        return await self._rounds.page(page)

    async def timeline(self, round_id: UUID) -> Sequence[RowMapping]:
        """Return what was done with a round: opening, each extension with its document, closure."""
        await self.find(round_id)
        return await self._rounds.timeline(round_id)

    async def counts(self, round_id: UUID, reader: Actor) -> RoundCounts:
        """Count a round's applications by city, and the year's against the floor of the plan (六(一)).

        A floor is reported and bars nothing. The reader sees the cities that lie in its region.
        """
        of = await self.find(round_id)
        region = reader.region
        if region is None or not (covers(of.region, region) or covers(region, of.region)):
            raise RoundNotFound
        year = of.opens_on.year
        in_year = await self._rounds.opened_in(year, title=of.title, region=of.region)
        this_round = await self._applications.counts_by_city([round_id], region)
        this_year = await self._applications.counts_by_city(in_year, region)
        target = self._floor(of)
        cities = [
            one
            for one in divisions().values()
            if one.level == "city" and covers(of.region, one.code) and covers(region, one.code)
        ]
        return RoundCounts(
            year=year,
            target=target,
            cities=[
                CityCounts(
                    city=city.code,
                    name=city.name,
                    by_status={
                        one.status: one.applications for one in this_round if one.city == city.code
                    },
                    filed_in_year=sum(
                        one.applications
                        for one in this_year
                        if one.city == city.code and one.status in FILED
                    ),
                )
                for city in sorted(cities, key=lambda one: one.code)
            ],
        )

    def is_open(self, of: Round) -> bool:
        return filing_period(of).is_open(self._clock.today())

    async def available_actions(
        self, of: Sequence[Round], reader: Actor
    ) -> dict[UUID, list[AvailableAction]]:
        """Return what the reader may do with some rounds, and why not.

        An enterprise is offered a renewal when it owes one; an office files for whoever does.
        """
        held: Sequence[HeldTitle] = ()
        applied: set[UUID] = set()
        if reader.uscc is not None:
            rows = await self._holdings.of_enterprise(reader.uscc)
            held = [held_title(row) for row in rows]
            ids = [one.id for one in of]
            applied = await self._applications.rounds_applied_in(reader.uscc, ids)
        return {
            one.id: self._actions(one, reader, held, has_applied=one.id in applied) for one in of
        }

    def _actions(
        self, of: Round, reader: Actor, held: Sequence[HeldTitle], *, has_applied: bool
    ) -> list[AvailableAction]:
        href = f"/api/v1/rounds/{of.id}"
        today = self._clock.today()

        def refuse_start(kind: Kind) -> None:
            _require_filer(reader, of)
            pack = self._catalogue.pack(pack_of_round(of, kind))
            require_open(of, today)
            if has_applied:
                raise ApplicationExists
            if reader.uscc is not None:
                refuse_kind(kind, of.title, held, today, pack.validity)

        def refuse_import() -> None:
            if reader.uscc is not None:
                raise NotAllowed
            _require_filer(reader, of)
            require_open(of, today)

        def refuse_change() -> None:
            if not reader.holds(Office.PROVINCE) or not reader.may(Scope.APPLICATIONS_WRITE):
                raise NotAllowed
            self._refuse_change(of, reader)

        return [
            offer("start_new", "POST", "/api/v1/applications", lambda: refuse_start("new")),
            offer("start_renewal", "POST", "/api/v1/applications", lambda: refuse_start("renewal")),
            offer("import", "POST", "/api/v1/application-imports", refuse_import),
            offer("extend", "POST", f"{href}/extension", refuse_change),
            offer("close", "POST", f"{href}/closure", refuse_change),
        ]

    def _floor(self, of: Round) -> Target | None:
        """Return the number that the pack wants each city to put forward in a year, if it has one."""
        pack = self._catalogue.pack(of.new_pack or of.renewal_pack or "")
        return next((one for one in pack.targets if one.per == "city"), None)

    def _refuse_change(self, of: Round, officer: Actor) -> None:
        if not officer.is_in_charge_of(of.region):
            raise NotAllowed(
                f"批次 {of.code} 属于 {of.region}。", f"Round {of.code} is held in {of.region}."
            )
        if of.closed_at is not None:
            raise RoundClosed

    async def _lock(self, round_id: UUID, officer: Actor) -> Round:
        found = await self._rounds.find(round_id, for_update=True)
        if found is None:
            raise RoundNotFound
        self._refuse_change(found, officer)
        return found

    def _record(
        self, changed: Round, action: str, officer: Actor, *, reason: str | None, **data: str
    ) -> None:
        self._journal.record(
            HistoryEntry(
                subject_type="round",
                subject_id=changed.id,
                action=action,
                actor=officer,
                reason=reason,
                clause="六(一)",
                policy_pack=changed.new_pack or changed.renewal_pack,
                data={"code": changed.code, "closes_on": changed.closes_on.isoformat(), **data},
            )
        )


def _require_filer(reader: Actor, of: Round) -> None:
    """Refuse whoever files nothing in a round: no applicant, or an office of somewhere else."""
    if not reader.may(Scope.APPLICATIONS_WRITE) or not reader.holds(*APPLICANTS):
        raise NotAllowed
    if reader.uscc is None and not covers(of.region, reader.region or ""):
        raise NotAllowed
