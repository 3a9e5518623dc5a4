"""Screenings: a pack, published or drafted, run over every enterprise, and what it would change."""

import asyncio
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.problems import NotAllowed
from services.kernel.text import Text
from services.policy import credit_code
from services.policy.catalogue import Catalogue, UnknownPack
from services.policy.divisions import divisions
from services.policy.eligibility import Eligibility, check
from services.policy.enterprise_size import Size, SizeDetermination
from services.policy.matter import Kind, Verdict
from services.policy.pack import Pack, PackDocument, PackFlaw
from services.registry.following_models import Screening, ScreeningRow
from services.registry.screening import (
    DIGITS,
    TAKEN,
    NotScreenable,
    Plan,
    readable,
    unchanged,
    with_taken,
)
from services.registry.screening_problems import (
    ScreeningConditionUnknown,
    ScreeningDraftUnsound,
    ScreeningNotDone,
    ScreeningNotFound,
    ScreeningPackUnknown,
    ScreeningRowNotFound,
    ScreeningTitleUnknown,
    TooManyScreenings,
)
from services.registry.screening_repository import (
    ScreeningRepository,
    Sought,
    Tallies,
    is_each_on_its_day,
    population_of,
)
from services.registry.screening_schemas import (
    ScreeningChange,
    ScreeningCityOut,
    ScreeningConditionCountOut,
    ScreeningCountsOut,
    ScreeningIn,
    ScreeningPopulationIn,
    ScreeningState,
)

FAILURES: Mapping[str, Text] = {
    "too_long": Text(
        "筛查超过允许的时间，请缩小范围。", "It took longer than it may; screen fewer at a time."
    ),
    "failed": Text(
        "筛查未能完成，已记录；请联系平台运维。",
        "It failed and was recorded; ask whoever runs the platform.",
    ),
}
MOST_UNFINISHED = 5
"""Screenings of one province at a time: each reads every enterprise."""
_MOST_FLAWS = 100
_UNSTORABLE = ("\\u0000", "\\U00000000")
"""How TOML writes the one character that no text of the database can hold."""
_AS_RECORDED = "申报时的划型认定（the determination that the figures came with）"


@dataclass(frozen=True, slots=True)
class ScreeningReport:
    """A screening with what a caller may know of its result."""

    of: Screening
    counts: ScreeningCountsOut | None
    """Of the caller's own region; None until it is done."""


@dataclass(frozen=True, slots=True)
class ScreenedRow:
    row: ScreeningRow
    legal_name: str | None
    failed: Sequence[str]
    open: Sequence[str]
    answered: Sequence[str]
    """What was left to an officer and the recognition has answered."""


@dataclass(frozen=True, slots=True)
class ScreeningExplanation:
    """One row, judged again by itself with every reason."""

    screened: ScreenedRow
    eligibility: Eligibility
    titles_held: Sequence[str]
    decided_under: str | None
    """The pack by which the application was recognised."""
    judged_again: Verdict
    agrees: bool


class ScreeningService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._screenings = ScreeningRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def request(self, asked: ScreeningIn, officer: Actor) -> Screening:
        """Take a screening in. It is run soon after; the answer says where to look."""
        if officer.region is None:
            raise NotAllowed
        name = asked.pack or asked.procedure_of or ""
        # A draft takes a while to read, and nobody else has to wait for that.
        pack = await asyncio.to_thread(pack_named, self._catalogue, name, draft=asked.draft)
        if pack.find_title(asked.title) is None or not any(pack.tests_of(asked.title, asked.kind)):
            offered = ", ".join(title.id for title in pack.ladder if any(pack.tests_of(title.id)))
            raise ScreeningTitleUnknown(
                f"政策包设有条件的称号：{offered}。", f"It sets conditions for: {offered}."
            )
        if await self._screenings.unfinished(officer.region) >= MOST_UNFINISHED:
            raise TooManyScreenings
        plan = plan_of(pack, self._catalogue, title=asked.title, kind=asked.kind)
        today = self._clock.today()
        screening = Screening(
            id=new_id(),
            region=officer.region,
            pack_name=name,
            draft=asked.draft,
            title=asked.title,
            kind=asked.kind,
            population=_population(asked.population, on=asked.on, today=today),
            on_day=asked.on or today,
            amount_each=None if asked.amount_each is None else Decimal(asked.amount_each),
            state=ScreeningState.WAITING,
            failure=None,
            conditions=[
                {
                    "id": condition.id,
                    "clause": condition.clause,
                    "text": condition.text._asdict(),
                }
                for condition in plan.conditions
            ],
            counts=None,
            requested_by=officer.as_record(),
            requested_at=self._clock.now(),
            started_at=None,
            finished_at=None,
        )
        try:
            plan.statement(population_of(screening))
        except NotScreenable as absurd:
            raise _unsound([str(absurd)]) from absurd
        self._screenings.add(screening)
        await self._session.flush()
        self._journal.record(
            HistoryEntry(
                subject_type="screening",
                subject_id=screening.id,
                action="requested",
                actor=officer,
                policy_pack=asked.pack,
                data={
                    "title": asked.title,
                    "kind": asked.kind,
                    "population": screening.population,
                    "on": screening.on_day.isoformat(),
                    "amount_each": asked.amount_each,
                    "draft_sha256": draft_sha256(screening),
                    "procedure_of": asked.procedure_of,
                },
            )
        )
        return screening

    async def page(self, reader: Actor, page: Paging) -> Found[Screening]:
        return await self._screenings.page(reader, page)

    async def report(self, screening_id: UUID, reader: Actor) -> ScreeningReport:
        """Return a screening with its counts: an office of a part of the region is told of its part."""
        found = await self._find(screening_id, reader)
        if found.counts is None:
            return ScreeningReport(found, None)
        if reader.is_in_charge_of(found.region):
            return ScreeningReport(found, ScreeningCountsOut.model_validate(found.counts))
        return ScreeningReport(
            found, counts_of(found, await self._screenings.tallies(found, reader))
        )

    async def rows(
        self,
        screening_id: UUID,
        page: Paging,
        reader: Actor,
        *,
        verdict: Verdict | None,
        region: str | None,
        condition: str | None,
        answer: Verdict,
        change: ScreeningChange | None,
    ) -> Found[ScreenedRow]:
        """Return what was found of each enterprise that the caller may see."""
        screening = await self._find_done(screening_id, reader)
        sought = Sought(
            verdict=verdict,
            region=region,
            change=change,
            place=None if condition is None else _place_of(screening, condition),
            answer=answer,
        )
        found = await self._screenings.rows(screening, sought, reader, page)
        names = await self._screenings.names(found.items)
        return Found(
            items=[_screened(screening, row, names[row.uscc, row.sheet_id]) for row in found.items],
            next=found.next,
        )

    async def explain(
        self, screening_id: UUID, uscc: str, sheet_id: UUID | None, reader: Actor
    ) -> ScreeningExplanation:
        """Judge one enterprise of a screening again by itself, with every reason."""
        screening = await self._find_done(screening_id, reader)
        row = await self._screenings.row(screening, credit_code.normalise(uscc), sheet_id, reader)
        if row is None:
            raise ScreeningRowNotFound
        names = await self._screenings.names([row])
        sheet = await self._screenings.sheet(row.sheet_id)
        applied_on = today = screening.on_day
        is_cohort = "held_on" not in screening.population
        if is_each_on_its_day(screening) and sheet.application_id is not None:
            applied_on = await self._screenings.first_submitted_on(sheet.application_id)
            today = sheet.reported_on
        held = (
            sheet.titles_held
            if is_cohort
            else await self._screenings.titles_held(sheet.uscc, screening.on_day)
        )
        pack = await asyncio.to_thread(pack_of, screening, self._catalogue)
        size = sheet.determined_size
        found = check(
            pack,
            title=screening.title,
            kind=kind_of(screening),
            facts=readable(pack, sheet.facts),
            on=applied_on,
            today=today,
            titles_held=held,
            size=None if size is None else SizeDetermination(Size(size), _AS_RECORDED),
        )
        decided_under = None
        if is_cohort and sheet.application_id is not None:
            decided_under = await self._screenings.decided_under(sheet.application_id)
        taken: frozenset[str] = frozenset()
        if decided_under is not None:
            before = self._catalogue.pack(decided_under)
            taken = unchanged(pack, before, title=screening.title, kind=kind_of(screening))
        answers, verdict = with_taken(found, taken)
        return ScreeningExplanation(
            screened=_screened(screening, row, names[row.uscc, row.sheet_id]),
            eligibility=found,
            titles_held=held,
            decided_under=decided_under,
            judged_again=verdict,
            agrees=answers == row.answers and DIGITS[verdict] == row.verdict,
        )

    async def _find(self, screening_id: UUID, reader: Actor) -> Screening:
        found = await self._screenings.find(screening_id, reader)
        if found is None:
            raise ScreeningNotFound
        return found

    async def _find_done(self, screening_id: UUID, reader: Actor) -> Screening:
        found = await self._find(screening_id, reader)
        if found.state != ScreeningState.DONE:
            raise ScreeningNotDone
        return found


def counts_of(screening: Screening, tallies: Tallies) -> ScreeningCountsOut:
    """Put together what was counted, with what it would cost at so much for each that enters."""
    whole = {
        name: sum(city[name] for city in tallies.cities)
        for name in ("total", *(verdict.value for verdict in Verdict), *ScreeningChange)
    }
    names = divisions()
    return ScreeningCountsOut(
        **_tally(screening, whole),
        conditions=[
            ScreeningConditionCountOut.model_validate(
                {
                    **condition,
                    "not_met": counted[Verdict.NOT_MET],
                    "needs_officer": counted[Verdict.NEEDS_OFFICER],
                }
            )
            for condition, counted in zip(screening.conditions, tallies.conditions, strict=True)
        ],
        cities=[
            ScreeningCityOut(
                division=city["city"],
                name=names[city["city"]].name if city["city"] in names else None,
                **_tally(screening, city),
            )
            for city in tallies.cities
        ],
    )


def _tally(screening: Screening, counted: Mapping[str, int]) -> dict[str, Any]:
    each, enters = screening.amount_each, counted[ScreeningChange.ENTERS]
    may_enter = counted[ScreeningChange.MAY_ENTER]
    return {
        "total": counted["total"],
        "met": counted[Verdict.MET],
        "needs_officer": counted[Verdict.NEEDS_OFFICER],
        "not_met": counted[Verdict.NOT_MET],
        "enters": enters,
        "leaves": counted[ScreeningChange.LEAVES],
        "stays": counted[ScreeningChange.STAYS],
        "undecided": may_enter + counted[ScreeningChange.MAY_LEAVE],
        "may_enter": may_enter,
        "may_leave": counted[ScreeningChange.MAY_LEAVE],
        "cost": None if each is None else each * enters,
        "cost_at_most": None if each is None else each * (enters + may_enter),
    }


def kind_of(screening: Screening) -> Kind:
    return "renewal" if screening.kind == "renewal" else "new"


def draft_sha256(screening: Screening) -> str | None:
    """Return by which hash a draft can be told from another."""
    return None if screening.draft is None else sha256(screening.draft.encode()).hexdigest()


def plan_of(pack: Pack, catalogue: Catalogue, *, title: str, kind: Kind) -> Plan:
    """Return how a title's tests are run, whichever published pack applications were decided under."""
    return Plan(pack, title=title, kind=kind, decided_under=catalogue.packs())


def pack_of(screening: Screening, catalogue: Catalogue) -> Pack:
    """Return the pack that a screening runs, as it was read when it was requested."""
    return pack_named(catalogue, screening.pack_name, draft=screening.draft)


def pack_named(catalogue: Catalogue, name: str, *, draft: str | None) -> Pack:
    """Return a published pack, or a draft with the procedure of one.

    Raises `ScreeningPackUnknown`, or `ScreeningDraftUnsound` with every flaw that it has.
    """
    try:
        published = catalogue.pack(name)
    except UnknownPack as unknown:
        raise ScreeningPackUnknown from unknown
    if draft is None:
        return published
    try:
        pack = _read_draft(draft, published)
    except ValidationError as invalid:
        raise _unsound(_flaws_of(invalid)) from invalid
    except tomllib.TOMLDecodeError as invalid:
        raise _unsound([str(invalid)], code="not_toml") from invalid
    except (ValueError, RecursionError) as invalid:
        # A number with more digits than any number has, or brackets without end.
        raise _unsound([f"it cannot be read: {invalid}"], code="not_toml") from invalid
    changed = list(_changed_facts(pack, catalogue))
    if changed:
        raise _unsound(changed)
    return pack


def _read_draft(draft: str, published: Pack) -> Pack:
    if any(one in draft for one in _UNSTORABLE):
        raise ValueError("it holds a character that cannot be stored")
    document = tomllib.loads(draft, parse_float=Decimal)
    # By itself first: what belongs into other files has no place in it.
    PackDocument.model_validate(document)
    return Pack.model_validate(
        {
            **document,
            "name": f"draft/{document['in_force_from']}",
            "checksum": sha256(draft.encode()).hexdigest(),
            "procedure": published.procedure,
            "procedure_checksum": published.procedure_checksum,
        }
    )


def _changed_facts(pack: Pack, catalogue: Catalogue) -> Iterator[str]:
    """Name each fact that a published pack reads otherwise: stored figures are read as they were."""
    for name, fact in pack.facts.items():
        for other in catalogue.packs():
            known = other.facts.get(name)
            if known is None:
                continue
            if known.kind is not fact.kind:
                yield f"it reads the fact {name} as {fact.kind}, {other.name} as {known.kind}"
            if known.may_be_negative and not fact.may_be_negative:
                yield f"its fact {name} is never negative, and that of {other.name} may be"


def _flaws_of(invalid: ValidationError) -> Iterator[str]:
    for error in invalid.errors(include_url=False, include_input=False):
        cause = error.get("ctx", {}).get("error")
        if isinstance(cause, PackFlaw):
            yield from str(cause).split("; ")
            continue
        place = ".".join(map(str, error["loc"]))
        yield f"{place}: {error['msg']}" if place else error["msg"]


def _unsound(flaws: Iterable[str], *, code: str = "flaw") -> ScreeningDraftUnsound:
    return ScreeningDraftUnsound(
        errors=[
            ("/draft", code, Text(f"草案有误：{flaw}", f"{flaw[:1].upper()}{flaw[1:]}."))
            for flaw in list(flaws)[:_MOST_FLAWS]
        ]
    )


def _population(asked: ScreeningPopulationIn, *, on: date | None, today: date) -> dict[str, Any]:
    """Return whom to screen, as it is kept: with the day that holders are asked of, if any are."""
    of: dict[str, Any] = asked.model_dump(exclude_none=True)
    if asked.round_code is None and asked.year is None:
        return {**of, "held_on": today.isoformat()}
    return {**of, "each_on_its_day": on is None}


def _place_of(screening: Screening, condition: str) -> int:
    """Return where a condition's answer stands, from 1 on."""
    for place, asked in enumerate(screening.conditions, start=1):
        if asked["id"] == condition:
            return place
    raise ScreeningConditionUnknown


def _screened(screening: Screening, row: ScreeningRow, legal_name: str | None) -> ScreenedRow:
    def answering(digit: int) -> list[str]:
        return [
            condition["id"]
            for condition, answer in zip(screening.conditions, row.answers, strict=True)
            if answer == str(digit)
        ]

    return ScreenedRow(
        row=row,
        legal_name=legal_name,
        failed=answering(DIGITS[Verdict.NOT_MET]),
        open=answering(DIGITS[Verdict.NEEDS_OFFICER]),
        answered=answering(TAKEN),
    )
