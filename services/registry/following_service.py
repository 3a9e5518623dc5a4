"""What officers follow between two recognitions: evaluations, support, examples, findings, libraries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.preconditions import require_current
from services.kernel.problems import NotAllowed, PreconditionRequired
from services.kernel.regions import city_of, is_province
from services.kernel.text import Text
from services.policy import credit_code
from services.policy.catalogue import Catalogue
from services.policy.divisions import divisions
from services.policy.pack import Pack, RevocationGround
from services.registry.enterprise_service import EnterpriseService, Profile, read_credit_code
from services.registry.following_models import (
    Conclusion,
    Evaluation,
    Examination,
    Finding,
    LibraryStep,
    LibraryStepKind,
    SupportRecord,
    TypicalCase,
)
from services.registry.following_problems import (
    DayToCome,
    ExaminationConcluded,
    ExaminationNotFound,
    FindingKnownAlready,
    FocusFieldDiffers,
    FocusFieldUnknown,
    LibraryDayNotPossible,
    LibraryEntryNotFound,
    LibraryNotMember,
    TypicalCaseChosenAlready,
    TypicalCaseNeedsTitle,
)
from services.registry.following_repository import FollowedT, FollowingRepository, SupportTotal
from services.registry.measures import Measure
from services.registry.models import Attribute, Enterprise, Recognition
from services.registry.names import searchable
from services.registry.problems import (
    EnterpriseNotFound,
    NameDiffers,
    OtherDivision,
    UnknownDivision,
    UnknownGround,
)
from services.registry.repository import EnterpriseRepository
from services.registry.standing import NO_RENEWALS, standing
from services.registry.workflow import COUNTS

DYNAMIC_MANAGEMENT = "六(三)"
"""Of the plan: tracking, evaluation by third parties, examples of the year, revocation."""
LIBRARIES = "六(一)"
"""Of the plan: each city keeps a cultivation library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationGiven:
    """What an agency found in a comprehensive evaluation."""

    year: int
    agency: str
    score: Decimal | None
    grade: str | None
    difficulties: str | None
    summary: str
    evaluated_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportGiven:
    """What was delivered to an enterprise."""

    measure: Measure
    provider: str
    description: str
    amount: Decimal | None
    delivered_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseGiven:
    """What makes an enterprise an example of a year."""

    year: int
    heading: str
    summary: str
    chosen_on: date
    document_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGiven:
    """What was established, when and by whom."""

    ground: str
    number: str
    established_on: date
    established_by: str
    summary: str


class FollowingService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._following = FollowingRepository(session)
        self._enterprises = EnterpriseRepository(session)
        self._profiles = EnterpriseService(session, clock)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def record_evaluation(
        self, uscc: str, given: EvaluationGiven, assessor: Actor
    ) -> Evaluation:
        """Record an agency's evaluation: the agency works for the province, or the province does."""
        if not is_province(assessor.region or ""):
            raise NotAllowed(
                "综合评价由省级委托的评估机构登记。",
                "Evaluations are recorded by agencies that the province commissioned.",
            )
        enterprise = await self._profiles.lock_in_charge(uscc, assessor)
        _refuse_to_come(self._clock.today(), "evaluated_on", given.evaluated_on, year=given.year)
        evaluation = Evaluation(
            id=new_id(),
            uscc=enterprise.uscc,
            year=given.year,
            agency=given.agency,
            score=given.score,
            grade=given.grade,
            difficulties=given.difficulties,
            summary=given.summary,
            evaluated_on=given.evaluated_on,
            recorded_at=self._clock.now(),
            recorded_by=assessor.as_record(),
        )
        await self._keep(
            evaluation,
            "evaluation",
            assessor,
            clause=DYNAMIC_MANAGEMENT,
            year=given.year,
            agency=given.agency,
            score=None if given.score is None else f"{given.score:.2f}",
            grade=given.grade,
        )
        return evaluation

    async def record_support(self, uscc: str, given: SupportGiven, officer: Actor) -> SupportRecord:
        """Record support that an enterprise was given, under a measure of chapter 五."""
        enterprise = await self._profiles.lock_in_charge(uscc, officer)
        _refuse_to_come(self._clock.today(), "delivered_on", given.delivered_on)
        record = SupportRecord(
            id=new_id(),
            uscc=enterprise.uscc,
            measure=given.measure.value,
            provider=given.provider,
            description=given.description,
            amount=given.amount,
            delivered_on=given.delivered_on,
            recorded_at=self._clock.now(),
            recorded_by=officer.as_record(),
        )
        await self._keep(
            record,
            "support_record",
            officer,
            clause=given.measure.clause,
            measure=given.measure.value,
            provider=given.provider,
            amount=None if given.amount is None else f"{given.amount:.2f}",
            delivered_on=given.delivered_on.isoformat(),
        )
        return record

    async def support(
        self,
        reader: Actor,
        page: Paging,
        *,
        region: str | None,
        measure: Measure | None,
        year: int | None,
    ) -> Found[SupportRecord]:
        return await self._following.support(
            reader, page, region=region, measure=measure, year=year
        )

    async def support_totals(
        self, reader: Actor, *, region: str | None, year: int | None
    ) -> list[SupportTotal]:
        """Return what was delivered under each of the five measures, in the order of the plan."""
        found = await self._following.support_totals(reader, region=region, year=year)
        return [found.get(one.value, SupportTotal(one.value, 0, 0, Decimal(0))) for one in Measure]

    async def choose_case(self, uscc: str, given: CaseGiven, officer: Actor) -> TypicalCase:
        """Choose an enterprise as the example of a year, from those that hold a title that day."""
        enterprise = await self._profiles.lock_in_charge(uscc, officer)
        _refuse_to_come(self._clock.today(), "chosen_on", given.chosen_on, year=given.year)
        if await self._following.is_chosen(enterprise.uscc, given.year):
            raise TypicalCaseChosenAlready
        whole = await self._profiles.find(enterprise.uscc, officer)
        standings = [standing(one, NO_RENEWALS, given.chosen_on) for one in whole.recognitions]
        if not any(one is not None and one.status in COUNTS for one in standings):
            raise TypicalCaseNeedsTitle
        chosen = TypicalCase(
            id=new_id(),
            uscc=enterprise.uscc,
            year=given.year,
            heading=given.heading,
            summary=given.summary,
            chosen_on=given.chosen_on,
            document_number=given.document_number,
            recorded_at=self._clock.now(),
            recorded_by=officer.as_record(),
        )
        await self._keep(
            chosen,
            "typical_case",
            officer,
            clause=DYNAMIC_MANAGEMENT,
            year=given.year,
            document_number=given.document_number,
            chosen_on=given.chosen_on.isoformat(),
        )
        return chosen

    async def public_cases(
        self, reader: Actor, page: Paging, *, year: int | None
    ) -> Found[TypicalCase]:
        return await self._following.public_cases(reader, page, year=year)

    async def record_finding(self, uscc: str, given: FindingGiven, officer: Actor) -> Finding:
        """Record what was established about an enterprise, on a ground that has to be established."""
        enterprise = await self._profiles.lock_in_charge(uscc, officer)
        _refuse_to_come(self._clock.today(), "established_on", given.established_on)
        whole = await self._profiles.find(enterprise.uscc, officer)
        pack, ground = self._ground(whole, given.ground)
        if await self._following.finding(enterprise.uscc, given.number) is not None:
            raise FindingKnownAlready
        finding = Finding(
            id=new_id(),
            uscc=enterprise.uscc,
            ground=ground.id,
            number=given.number,
            established_on=given.established_on,
            established_by=given.established_by,
            summary=given.summary,
            recorded_at=self._clock.now(),
            recorded_by=officer.as_record(),
        )
        await self._keep(
            finding,
            "finding",
            officer,
            clause=ground.clause,
            policy_pack=pack.name,
            ground=ground.id,
            number=given.number,
            established_on=given.established_on.isoformat(),
            established_by=given.established_by,
        )
        return finding

    async def page_of(
        self, kind: type[FollowedT], uscc: str, reader: Actor, page: Paging
    ) -> Found[FollowedT]:
        """Return what is on record of one kind of an enterprise; its own, or those of its offices."""
        found = await self._enterprises.in_charge(credit_code.normalise(uscc), reader)
        if found is None:
            raise EnterpriseNotFound
        return await self._following.page_of(kind, found.uscc, page)

    async def enterprises_of(
        self, rows: Sequence[SupportRecord | TypicalCase]
    ) -> Mapping[str, Enterprise]:
        return await self._following.enterprises(row.uscc for row in rows)

    def _ground(self, enterprise: Enterprise, ground: str) -> tuple[Pack, RevocationGround]:
        """Return a ground that has to be established, by a title's pack or one in force here."""
        packs = [
            *(self._catalogue.pack(one.policy_pack) for one in enterprise.recognitions),
            *self._catalogue.in_force(enterprise.division, self._clock.today()),
        ]
        for pack in packs:
            law = pack.ground(ground)
            if law is not None and law.needs_finding:
                return pack, law
        raise UnknownGround(
            f"没有政策包规定情形 {ground} 须经查实。",
            f"No pack that applies has a ground {ground} that has to be established.",
        )

    async def _keep(
        self,
        row: Evaluation | Finding | SupportRecord | TypicalCase,
        subject_type: str,
        officer: Actor,
        *,
        clause: str,
        policy_pack: str | None = None,
        **data: Any,
    ) -> None:
        self._following.add(row)
        await self._following.flush()
        self._journal.record(
            HistoryEntry(
                subject_type=subject_type,
                subject_id=row.id,
                action="recorded",
                actor=officer,
                uscc=row.uscc,
                clause=clause,
                policy_pack=policy_pack,
                data=data,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryGiven:
    """What a city says of an enterprise that it takes into its library."""

    legal_name: str
    division: str
    focus_field: str | None
    reason: str
    entered_on: date


@dataclass(frozen=True, slots=True)
class LibraryRecord:
    """An enterprise and its steps in the libraries that the reader sees, oldest first."""

    enterprise: Enterprise
    steps: Sequence[LibraryStep]

    @property
    def version(self) -> int:
        """Steps are only added, so their number says which of them were read."""
        return len(self.steps)

    @property
    def is_member(self) -> bool:
        """Whether it is in one of them now."""
        return any(_is_entry(step) for step in _last_steps(self.steps))


class LibraryService:
    """培育库: each city's own; one city's is no business of another's."""

    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._following = FollowingRepository(session)
        self._enterprises = EnterpriseRepository(session)
        self._profiles = EnterpriseService(session, clock)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def enter(
        self, uscc: str, given: EntryGiven, officer: Actor, *, version_read: int | None
    ) -> tuple[LibraryRecord, bool]:
        """Take an enterprise into the library of its city. Return whether that is new.

        One that nobody knew becomes known; one that is known is neither renamed nor moved. Who has
        left enters again on a record that the officer has read.
        """
        code = read_credit_code(uscc, pointer="?uscc")
        division = divisions().get(given.division)
        if division is None or division.level == "province":
            raise UnknownDivision(
                "须为现行的市州或县级行政区划代码。", "It is the code of a city or county of today."
            )
        if not officer.is_in_charge_of(given.division):
            raise NotAllowed
        _refuse_to_come(self._clock.today(), "entered_on", given.entered_on)
        self._refuse_unknown_field(given)
        enterprise = await self._known(code, given)
        city = city_of(given.division)
        steps = await self._following.library_steps(code, officer)
        last = next((step for step in _last_steps(steps) if step.city == city), None)
        if version_read is not None:
            require_current(version_read, len(steps))
        if last is not None and _is_entry(last):
            return LibraryRecord(enterprise, steps), False
        if last is not None and version_read is None:
            raise PreconditionRequired(
                "该企业曾在库；再次入库须携带 If-Match（读取时返回的 ETag）。",
                "It was in the library before: to enter again, send If-Match with the ETag that you read.",
            )
        if last is not None and given.entered_on < last.on_day:
            raise LibraryDayNotPossible(
                f"该企业已于 {last.on_day} 出库。", f"It left the library on {last.on_day}."
            )
        await self._step(
            enterprise, city, LibraryStepKind.ENTERED, given.entered_on, given.reason, officer
        )
        return await self._record_of(enterprise, officer), True

    async def leave(
        self, uscc: str, *, reason: str, left_on: date, officer: Actor
    ) -> LibraryRecord:
        """Let an enterprise leave the officer's library; the province, whatever library it is in."""
        code = credit_code.normalise(uscc)
        enterprise = await self._enterprises.lock(code)
        steps = await self._following.library_steps(code, officer)
        if enterprise is None or not steps:
            raise LibraryEntryNotFound
        _refuse_to_come(self._clock.today(), "left_on", left_on)
        entries = [step for step in _last_steps(steps) if _is_entry(step)]
        if not entries:
            raise LibraryNotMember
        for entry in entries:
            if left_on < entry.on_day:
                raise LibraryDayNotPossible(
                    f"该企业于 {entry.on_day} 入库。", f"It entered the library on {entry.on_day}."
                )
            await self._step(enterprise, entry.city, LibraryStepKind.LEFT, left_on, reason, officer)
        return await self._record_of(enterprise, officer)

    async def find(self, uscc: str, reader: Actor) -> LibraryRecord:
        """Return an enterprise's steps in the libraries that the reader sees."""
        code = credit_code.normalise(uscc)
        steps = await self._following.library_steps(code, reader)
        enterprise = (await self._following.enterprises([code])).get(code)
        if enterprise is None or not steps:
            raise LibraryEntryNotFound
        return LibraryRecord(enterprise, steps)

    async def members(
        self,
        reader: Actor,
        page: Paging,
        *,
        on: date | None,
        region: str | None,
        focus_field: str | None,
    ) -> tuple[Found[LibraryStep], Mapping[str, Enterprise]]:
        """Return the entries of those who were in the reader's library on a day, and who they are."""
        found = await self._following.library_members(
            reader,
            page,
            on=on or self._clock.today(),
            region=region,
            focus_field=focus_field,
        )
        return found, await self._following.enterprises(step.uscc for step in found.items)

    def _refuse_unknown_field(self, given: EntryGiven) -> None:
        if given.focus_field is None:
            return
        listed = {
            option
            for pack in self._catalogue.in_force(given.division, self._clock.today())
            if (fact := pack.facts.get("focus_field")) is not None
            for option in pack.options.get(fact.options or "", ())
        }
        if given.focus_field not in listed:
            text = Text(
                f"须为以下之一：{'、'.join(sorted(listed))}。",
                f"It is one of: {', '.join(sorted(listed))}.",
            )
            raise FocusFieldUnknown(errors=[("/focus_field", "not_an_option", text)])

    async def _known(self, code: str, given: EntryGiven) -> Enterprise:
        """Return the locked enterprise: made if nobody knows it, else as it is."""
        is_new = await self._enterprises.create(
            uscc=code,
            legal_name=given.legal_name,
            names_searched=searchable(given.legal_name),
            division=given.division,
            is_secret=False,
            now=self._clock.now(),
        )
        if is_new:
            return await self._profiles.keep_profile(
                Profile(
                    uscc=code,
                    legal_name=given.legal_name,
                    division=given.division,
                    focus_field=given.focus_field,
                    is_secret=False,
                ),
                known_from=given.entered_on,
            )
        enterprise = await self._enterprises.lock(code)
        if enterprise is None:
            raise EnterpriseNotFound
        if enterprise.division != given.division:
            # Where it is instead is not said: of a secret-involved one it would say what it is.
            raise OtherDivision(
                "名录中该企业不在此地；迁移须先办理变更登记。",
                "The registry has it elsewhere; a move is recorded by itself.",
            )
        if searchable(enterprise.legal_name) != searchable(given.legal_name):
            raise NameDiffers(
                f"名录中的名称为“{enterprise.legal_name}”。",
                f"The registry has it as {enterprise.legal_name}.",
            )
        await self._complete_field(enterprise, given)
        return enterprise

    async def _complete_field(self, enterprise: Enterprise, given: EntryGiven) -> None:
        if given.focus_field in {None, enterprise.focus_field}:
            return
        if enterprise.focus_field is not None:
            raise FocusFieldDiffers(
                f"该企业在名录中的重点领域为 {enterprise.focus_field}。",
                f"The registry has it in the field {enterprise.focus_field}.",
            )
        await self._enterprises.add_entry(
            uscc=enterprise.uscc,
            attribute=Attribute.FOCUS_FIELD,
            value=given.focus_field,
            valid_from=given.entered_on,
            now=self._clock.now(),
        )
        await self._profiles.refresh(enterprise)

    async def _step(
        self,
        enterprise: Enterprise,
        city: str,
        kind: LibraryStepKind,
        on: date,
        reason: str,
        officer: Actor,
    ) -> None:
        step = LibraryStep(
            id=new_id(),
            uscc=enterprise.uscc,
            city=city,
            step=kind,
            on_day=on,
            reason=reason,
            recorded_at=self._clock.now(),
            recorded_by=officer.as_record(),
        )
        self._following.add(step)
        await self._following.flush()
        self._journal.record(
            HistoryEntry(
                subject_type="library_step",
                subject_id=step.id,
                action=kind.value,
                actor=officer,
                uscc=enterprise.uscc,
                reason=reason,
                clause=LIBRARIES,
                data={"city": city, "on_day": on.isoformat()},
            )
        )

    async def _record_of(self, enterprise: Enterprise, reader: Actor) -> LibraryRecord:
        return LibraryRecord(
            enterprise, await self._following.library_steps(enterprise.uscc, reader)
        )


class ExaminationService:
    """What has to be looked at because another title of the enterprise was revoked for cause."""

    def __init__(self, session: AsyncSession, journal: Journal, clock: Clock) -> None:
        self._session = session
        self._following = FollowingRepository(session)
        self._enterprises = EnterpriseRepository(session)
        self._journal = journal
        self._clock = clock

    async def page(
        self, reader: Actor, page: Paging, *, is_open: bool | None, region: str | None
    ) -> Found[Examination]:
        return await self._following.examinations(reader, page, is_open=is_open, region=region)

    async def keep_title(
        self, examination_id: UUID, *, reason: str, document_number: str, officer: Actor
    ) -> Examination:
        """Conclude that the title stays. That it goes is concluded by revoking it."""
        found = await self._following.examination(examination_id, officer)
        if found is None:
            raise ExaminationNotFound
        about = (await self._following.recognitions([found.recognition_id]))[found.recognition_id]
        await self._enterprises.lock(about.uscc)
        await self._session.refresh(found)
        if found.concluded_on is not None:
            raise ExaminationConcluded
        found.conclusion = Conclusion.KEPT
        found.concluded_on = self._clock.today()
        found.reason = reason
        found.document_number = document_number
        await self._following.flush()
        _record_examination(self._journal, found, about.uscc, "title_kept", officer, reason)
        return found

    async def recognitions_of(self, rows: Sequence[Examination]) -> Mapping[UUID, Recognition]:
        """Return the titles that are looked at, and those that were revoked before."""
        return await self._following.recognitions(
            one for row in rows for one in (row.recognition_id, row.because_of)
        )


async def open_examinations(
    session: AsyncSession,
    journal: Journal,
    clock: Clock,
    *,
    revoked: Recognition,
    others: Sequence[Recognition],
    finding_number: str | None,
    actor: Actor,
) -> Sequence[Examination]:
    """Have an enterprise's other titles looked at, once for each revocation. It is locked."""
    following = FollowingRepository(session)
    known = await following.examined_because_of(revoked.id)
    opened = [
        Examination(
            id=new_id(),
            recognition_id=other.id,
            because_of=revoked.id,
            finding_number=finding_number,
            opened_at=clock.now(),
        )
        for other in others
        if other.id not in known
    ]
    for one in opened:
        following.add(one)
    await following.flush()
    for one in opened:
        _record_examination(journal, one, revoked.uscc, "opened", actor)
    return opened


async def conclude_by_revocation(
    session: AsyncSession,
    journal: Journal,
    *,
    revoked: Recognition,
    on: date,
    document_number: str,
    actor: Actor,
) -> None:
    """Conclude what was still to be said of a title that is now revoked. Its enterprise is locked."""
    following = FollowingRepository(session)
    for one in await following.open_examinations(revoked.id):
        one.conclusion = Conclusion.REVOKED
        one.concluded_on = on
        one.document_number = document_number
        _record_examination(journal, one, revoked.uscc, "title_revoked", actor)


def _record_examination(
    journal: Journal,
    of: Examination,
    uscc: str,
    action: str,
    actor: Actor,
    reason: str | None = None,
) -> None:
    journal.record(
        HistoryEntry(
            subject_type="examination",
            subject_id=of.id,
            action=action,
            actor=actor,
            uscc=uscc,
            reason=reason,
            clause=DYNAMIC_MANAGEMENT,
            data={
                "recognition_id": str(of.recognition_id),
                "because_of": str(of.because_of),
                "finding_number": of.finding_number,
                "document_number": of.document_number,
            },
        )
    )


def _refuse_to_come(today: date, name: str, day: date, *, year: int | None = None) -> None:
    """Refuse a day after today, and a year after the year of the day."""
    if day > today:
        text = Text(f"不得晚于今天 {today}。", f"It is not later than today, {today}.")
        raise DayToCome(errors=[(f"/{name}", "to_come", text)])
    if year is not None and year > day.year:
        text = Text(f"不得晚于 {day.year} 年。", f"It is not later than {day.year}.")
        raise DayToCome(errors=[("/year", "to_come", text)])


def _last_steps(steps: Sequence[LibraryStep]) -> list[LibraryStep]:
    """Return the last step in each library, of steps that come oldest first."""
    return list({step.city: step for step in steps}.values())


def _is_entry(step: LibraryStep) -> bool:
    return step.step is LibraryStepKind.ENTERED
