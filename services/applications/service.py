"""What intake does, one sentence to a method."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.models import Application, Round, Submission
from services.applications.problems import (
    ApplicationExists,
    ApplicationIncomplete,
    ApplicationInHand,
    ApplicationNotFound,
    ExtensionTooEarly,
    FactsInvalid,
    NotEligible,
    NotYourEnterprise,
    RoundClosed,
    RoundCodeTaken,
    RoundNotFound,
    RoundNotOpen,
    UnknownPackOrTitle,
)
from services.applications.repository import (
    ApplicationRepository,
    HoldingRepository,
    RoundRepository,
)
from services.applications.workflow import (
    ApplicationStatus,
    FilingPeriod,
    HeldTitle,
    Step,
    after,
    refuse_edit,
    refuse_kind,
)
from services.contracts.applications import (
    ApplicationSubmitted,
    ApplicationWithdrawn,
    SizeDetermined,
)
from services.contracts.review import CaseReturned
from services.kernel.actions import AvailableAction, offer
from services.kernel.clock import Clock
from services.kernel.database import violated_constraint
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, Office, Scope
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.preconditions import require_current
from services.kernel.problems import NotAllowed, SeparationOfDuties
from services.kernel.regions import covers
from services.kernel.text import Text
from services.policy.catalogue import Catalogue, UnknownPack
from services.policy.eligibility import Eligibility, check
from services.policy.enterprise_size import Size, SizeDetermination
from services.policy.matter import Kind
from services.policy.pack import Pack, completeness, missing

SIZE_OFFICES = (Office.CITY, Office.PROVINCE)
"""Who may determine a size that the standard leaves open or other law decides."""

SIZED_BY = frozenset({"industry_code", "employees", "operating_revenue", "total_assets"})
"""The facts that a size rests on."""

APPLICANTS = (Office.ENTERPRISE, Office.COUNTY, Office.CITY)
"""An enterprise for itself, or the office of its division on its behalf."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityQuestion:
    pack: str
    title: str
    kind: Kind
    on: date | None
    """The day of application; None for today."""
    titles_held: Sequence[str]
    size: SizeDetermination | None
    facts: Mapping[str, JsonValue]


class RoundService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._rounds = RoundRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def open_round(self, new: NewRound, officer: Actor) -> Round:
        """Announce a round: which title, between which days, decided by which packs."""
        for name in (new.new_pack, new.renewal_pack):
            if name is None:
                continue
            pack = _require_title(self._catalogue, name, new.title)
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

    def is_open(self, of: Round) -> bool:
        return filing_period(of).is_open(self._clock.today())

    async def _lock(self, round_id: UUID, officer: Actor) -> Round:
        found = await self._rounds.find(round_id, for_update=True)
        if found is None:
            raise RoundNotFound
        if not officer.is_in_charge_of(found.region):
            raise NotAllowed(
                f"批次 {found.code} 属于 {found.region}。",
                f"Round {found.code} is held in {found.region}.",
            )
        if found.closed_at is not None:
            raise RoundClosed
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


def filing_period(of: Round) -> FilingPeriod:
    return FilingPeriod(
        opens_on=of.opens_on, closes_on=of.closes_on, is_closed=of.closed_at is not None
    )


class ApplicationService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._applications = ApplicationRepository(session)
        self._rounds = RoundRepository(session)
        self._holdings = HoldingRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def start_draft(
        self, *, round_id: UUID, kind: str, facts: Mapping[str, JsonValue], applicant: Actor
    ) -> Application:
        """Start an application in an open round."""
        of = await self._rounds.find(round_id)
        if of is None:
            raise RoundNotFound
        self._require_open(of)
        pack_name = of.new_pack if kind == "new" else of.renewal_pack
        if pack_name is None:
            raise RoundNotOpen(
                "本批次不受理此类申报。", f"This round takes no {kind} applications."
            )
        pack = self._catalogue.pack(pack_name)
        _refuse_imported(pack, facts, applicant)
        values = _checked(pack, facts)
        uscc, division = values.get("uscc"), values.get("applying_division")
        if not isinstance(uscc, str) or not isinstance(division, str):
            raise FactsInvalid(
                errors=[
                    (f"/facts/{name}", "missing", Text("缺少必填项。", "It is required."))
                    for name in ("uscc", "applying_division")
                    if not isinstance(values.get(name), str)
                ]
            )
        _require_in_round(of, division)
        _require_own(applicant, uscc=uscc, division=division)
        await self._require_known_nowhere_else(applicant, uscc)
        refuse_kind(kind, of.title, await self._held(uscc), self._clock.today(), pack.validity)
        now = self._clock.now()
        draft = Application(
            id=new_id(),
            round_id=of.id,
            round=of,
            kind=kind,
            title=of.title,
            policy_pack=pack_name,
            uscc=uscc,
            division=division,
            status=ApplicationStatus.DRAFT,
            facts=values,
            submission_number=0,
            applied_on=None,
            opened=[],
            return_reason=None,
            remarks=[],
            size_determination=None,
            created_by=applicant.sub,
            created_at=now,
            updated_at=now,
        )
        self._applications.add(draft)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "one_live_application":
                raise ApplicationExists from error
            raise
        self._record(draft, "drafted", applicant, facts=sorted(values))
        return draft

    async def edit(
        self,
        application_id: UUID,
        *,
        facts: Mapping[str, JsonValue],
        version_read: int,
        applicant: Actor,
    ) -> Application:
        """Change some facts of a draft, or what a return for correction opened."""
        edited = await self._lock(application_id, applicant)
        require_current(version_read, edited.version)
        refuse_edit(edited.status, set(facts), set(edited.opened))
        pack = self._catalogue.pack(edited.policy_pack)
        _refuse_imported(pack, facts, applicant)
        merged = {**edited.facts, **facts}
        values = _checked(
            pack, {name: value for name, value in merged.items() if value is not None}
        )
        if values.get("uscc") != edited.uscc:
            raise FactsInvalid(
                errors=[
                    (
                        "/facts/uscc",
                        "immutable",
                        Text(
                            "统一社会信用代码不能更改；请撤回后重新申报。",
                            "The credit code cannot be changed; withdraw and start anew.",
                        ),
                    )
                ]
            )
        division = values.get("applying_division")
        if not isinstance(division, str):
            raise FactsInvalid(
                errors=[
                    ("/facts/applying_division", "missing", Text("不能删除。", "It must stay."))
                ]
            )
        _require_in_round(edited.round, division)
        _require_own(applicant, uscc=edited.uscc, division=division)
        changed = sorted(name for name in facts if edited.facts.get(name) != values.get(name))
        if not changed:
            return edited
        edited.facts = values
        edited.division = division
        edited.updated_at = self._clock.now()
        has_lapsed = edited.size_determination is not None and not SIZED_BY.isdisjoint(changed)
        if has_lapsed:
            edited.size_determination = None
        await self._session.flush()
        self._record(edited, "edited", applicant, facts=changed)
        if has_lapsed:
            self._record(
                edited,
                "size_determination_lapsed",
                applicant,
                reason="划型所依据的事实已修改。",
                facts=sorted(SIZED_BY.intersection(changed)),
            )
        return edited

    async def determine_size(
        self,
        application_id: UUID,
        *,
        determination: SizeDetermination | None,
        version_read: int,
        officer: Actor,
    ) -> Application:
        """Determine the enterprise's size in place of the standard, or take that back (四.1).

        It rests on the figures as they are: a change of one of them ends it.
        """
        determined = await self._lock(application_id, officer)
        require_current(version_read, determined.version)
        _require_officer_of(determined, officer)
        refuse_edit(determined.status, set(), set())
        if determined.size_determination is None and determination is None:
            return determined
        determined.size_determination = (
            None
            if determination is None
            else {
                "size": determination.size.value,
                "legal_basis": determination.legal_basis,
                "determined_by": officer.sub,
                "determined_at": self._clock.now().isoformat(),
            }
        )
        determined.updated_at = self._clock.now()
        await self._session.flush()
        if determination is None:
            self._record(determined, "size_determination_withdrawn", officer)
        else:
            self._record(
                determined,
                "size_determined",
                officer,
                reason=determination.legal_basis,
                size=determination.size.value,
            )
        return determined

    async def submit(self, application_id: UUID, applicant: Actor) -> Application:
        """Freeze the facts and hand the application to the offices that review it."""
        submitted = await self._lock(application_id, applicant)
        new_status = after(submitted.status, Step.SUBMIT)
        today = self._clock.today()
        # A correction that an office asked for may come after the round has closed.
        if submitted.status is ApplicationStatus.DRAFT:
            self._require_open(submitted.round)
        pack = self._catalogue.pack(submitted.policy_pack)
        _require_complete(pack, submitted)
        held = await self._held(submitted.uscc)
        refuse_kind(submitted.kind, submitted.title, held, today, pack.validity)
        # Rolling periods count back from the day of application, also for a correction.
        submitted.applied_on = submitted.applied_on or today
        titles_held = _titles_on(held, today)
        _require_eligible(
            check(
                pack,
                title=submitted.title,
                kind=_kind(submitted),
                facts=submitted.facts,
                on=submitted.applied_on,
                today=today,
                titles_held=titles_held,
                size=_determination(submitted),
            )
        )
        submission = Submission(
            application_id=submitted.id,
            number=submitted.submission_number + 1,
            submitted_at=self._clock.now(),
            submitted_by=applicant.sub,
            policy_pack=pack.name,
            pack_checksum=pack.checksum,
            facts=submitted.facts,
            facts_sha256=_sha256_of(submitted.facts),
            size_determination=submitted.size_determination,
        )
        self._applications.add(submission)
        submitted.status = new_status
        submitted.submission_number = submission.number
        submitted.opened = []
        submitted.updated_at = submission.submitted_at
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "one_application_in_hand":
                raise ApplicationInHand from error
            raise
        self._record(
            submitted,
            "submitted",
            applicant,
            submission_number=submission.number,
            facts_sha256=submission.facts_sha256,
            pack_checksum=pack.checksum,
        )
        self._journal.announce(
            ApplicationSubmitted(
                uscc=submitted.uscc,
                region=submitted.division,
                is_secret=_is_secret(submitted),
                application_id=submitted.id,
                submission_number=submission.number,
                submitted_on=today,
                round_id=submitted.round_id,
                round_code=submitted.round.code,
                kind=_kind(submitted),
                title=submitted.title,
                policy_pack=pack.name,
                legal_name=str(submitted.facts["legal_name"]),
                filed_by=tuple(sorted({submitted.created_by, applicant.sub})),
                facts=submitted.facts,
                facts_sha256=submission.facts_sha256,
                titles_held=titles_held,
                size_determination=None
                if submitted.size_determination is None
                else SizeDetermined.model_validate(submitted.size_determination),
            )
        )
        return submitted

    async def withdraw(self, application_id: UUID, *, reason: str, applicant: Actor) -> Application:
        """Take an application back before it is decided."""
        withdrawn = await self._lock(application_id, applicant)
        was_known_to_review = withdrawn.submission_number > 0
        withdrawn.status = after(withdrawn.status, Step.WITHDRAW)
        withdrawn.updated_at = self._clock.now()
        await self._session.flush()
        self._record(withdrawn, "withdrawn", applicant, reason=reason)
        if was_known_to_review:
            self._journal.announce(
                ApplicationWithdrawn(
                    uscc=withdrawn.uscc,
                    region=withdrawn.division,
                    is_secret=_is_secret(withdrawn),
                    application_id=withdrawn.id,
                    round_code=withdrawn.round.code,
                    title=withdrawn.title,
                    reason=reason,
                )
            )
        return withdrawn

    async def find(self, application_id: UUID, reader: Actor) -> Application:
        found = await self._applications.find(application_id, reader)
        if found is None:
            raise ApplicationNotFound
        return found

    async def page(
        self,
        reader: Actor,
        page: Paging,
        *,
        round_id: UUID | None,
        status: ApplicationStatus | None,
        region: str | None,
        uscc: str | None,
    ) -> Found[Application]:
        return await self._applications.page(
            reader, page, round_id=round_id, status=status, region=region, uscc=uscc
        )

    async def submissions(self, application_id: UUID, reader: Actor) -> Sequence[Submission]:
        """Return what was submitted, each time as it was frozen."""
        await self.find(application_id, reader)
        return await self._applications.submissions(application_id)

    async def timeline(self, application_id: UUID, reader: Actor) -> Sequence[RowMapping]:
        await self.find(application_id, reader)
        return await self._applications.timeline(application_id)

    async def eligibility(self, application_id: UUID, reader: Actor) -> Eligibility:
        """Explain how the application stands against each condition today."""
        found = await self.find(application_id, reader)
        today = self._clock.today()
        return check(
            self._catalogue.pack(found.policy_pack),
            title=found.title,
            kind=_kind(found),
            facts=found.facts,
            on=found.applied_on or today,
            today=today,
            titles_held=_titles_on(await self._held(found.uscc), today),
            size=_determination(found),
        )

    def missing(self, of: Application) -> tuple[str, ...]:
        return missing(self._catalogue.pack(of.policy_pack), of.title, of.facts, _kind(of))

    def completeness(self, of: Application) -> int:
        """Return how much of what is needed is there, in percent."""
        return completeness(self._catalogue.pack(of.policy_pack), of.title, of.facts, _kind(of))

    def available_actions(self, of: Application, reader: Actor) -> list[AvailableAction]:
        """Return what the reader may do with the application, and why not where it may not."""
        href = f"/api/v1/applications/{of.id}"

        def refuse_submission() -> None:
            _require_applicant(reader, of)
            after(of.status, Step.SUBMIT)
            if of.status is ApplicationStatus.DRAFT:
                self._require_open(of.round)
            _require_complete(self._catalogue.pack(of.policy_pack), of)

        def refuse_edit_of_any() -> None:
            _require_applicant(reader, of)
            refuse_edit(of.status, set(), set(of.opened))

        def refuse_withdrawal() -> None:
            _require_applicant(reader, of)
            after(of.status, Step.WITHDRAW)

        def refuse_determination() -> None:
            _require_officer_of(of, reader)
            refuse_edit(of.status, set(), set())

        return [
            offer("edit", "PATCH", href, refuse_edit_of_any),
            offer("determine_size", "PUT", f"{href}/size-determination", refuse_determination),
            offer("submit", "POST", f"{href}/submission", refuse_submission),
            offer("withdraw", "POST", f"{href}/withdrawal", refuse_withdrawal),
        ]

    async def _require_known_nowhere_else(self, applicant: Actor, uscc: str) -> None:
        """Keep an office from learning, by filing, what an enterprise has done elsewhere."""
        if applicant.uscc is not None:
            return
        known = await self._applications.divisions_of(uscc)
        if not all(applicant.is_in_charge_of(division) for division in known):
            raise NotYourEnterprise

    async def _held(self, uscc: str) -> list[HeldTitle]:
        return [
            HeldTitle(
                title=row.title,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
                revoked_on=row.revoked_on,
                exclusion_until=row.exclusion_until,
            )
            for row in await self._holdings.of_enterprise(uscc)
        ]

    async def _lock(self, application_id: UUID, applicant: Actor) -> Application:
        found = await self._applications.lock(application_id, applicant)
        if found is None:
            raise ApplicationNotFound
        return found

    def _require_open(self, of: Round) -> None:
        today = self._clock.today()
        if not filing_period(of).is_open(today):
            raise RoundNotOpen(
                f"批次 {of.code} 的申报时间为 {of.opens_on} 至 {of.closes_on}（北京时间，"
                f"含截止日），今天是 {today}"
                + ("，且批次已关闭。" if of.closed_at is not None else "。"),
                f"Round {of.code} is open from {of.opens_on} to {of.closes_on} inclusive,"
                f" China Standard Time; today is {today}"
                + (" and the round was closed." if of.closed_at is not None else "."),
            )

    def _record(
        self,
        of: Application,
        action: str,
        actor: Actor,
        *,
        reason: str | None = None,
        **data: Any,
    ) -> None:
        self._journal.record(
            HistoryEntry(
                subject_type="application",
                subject_id=of.id,
                action=action,
                actor=actor,
                uscc=of.uscc,
                reason=reason,
                policy_pack=of.policy_pack,
                data={"status": of.status.value, **data},
            )
        )


class RuleService:
    """Questions about the rules; nothing is stored."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock

    def check_eligibility(self, question: EligibilityQuestion) -> Eligibility:
        """Explain how an enterprise stands against each condition of a title."""
        pack = _require_title(self._catalogue, question.pack, question.title)
        today = self._clock.today()
        on = question.on or today
        return check(
            pack,
            title=question.title,
            kind=question.kind,
            facts=_checked(pack, question.facts),
            on=on,
            today=max(on, today),
            titles_held=question.titles_held,
            size=question.size,
        )


class ReviewNews:
    """What intake does when review announces something about a case."""

    def __init__(self, session: AsyncSession, journal: Journal, clock: Clock, actor: Actor) -> None:
        self._session = session
        self._applications = ApplicationRepository(session)
        self._journal = journal
        self._clock = clock
        self._actor = actor

    async def apply(
        self, application_id: UUID, step: Step, *, reason: str | None = None, **data: Any
    ) -> Application:
        """Bring the application to the state that review's step leads to."""
        found = await self._applications.lock_for_review(application_id)
        if found is None:
            raise LookupError(f"review speaks of application {application_id}, which is not here")
        found.status = after(found.status, step)
        found.updated_at = self._clock.now()
        await self._session.flush()
        self._journal.record(
            HistoryEntry(
                subject_type="application",
                subject_id=found.id,
                action=f"review:{step}",
                actor=self._actor,
                uscc=found.uscc,
                reason=reason,
                policy_pack=found.policy_pack,
                data={"status": found.status.value, **data},
            )
        )
        return found

    async def open_for_correction(self, event: CaseReturned) -> None:
        """Open the facts that the remarks name, and those alone."""
        found = await self.apply(
            event.application_id,
            Step.RETURN,
            reason=event.reason,
            stage=event.stage,
            remarks=[remark.model_dump() for remark in event.remarks],
        )
        if found.status is not ApplicationStatus.RETURNED:
            return
        found.opened = sorted({remark.fact_or_document for remark in event.remarks})
        found.return_reason = event.reason
        found.remarks = [remark.model_dump() for remark in event.remarks]
        await self._session.flush()


def _require_title(catalogue: Catalogue, pack_name: str, title: str) -> Pack:
    """Return the pack, when it decides the title by conditions of its own."""
    try:
        pack = catalogue.pack(pack_name)
    except UnknownPack as error:
        raise UnknownPackOrTitle(
            f"没有政策包 {pack_name}。", f"There is no pack {pack_name}."
        ) from error
    found = pack.find_title(title)
    if found is None or not found.conditions:
        raise UnknownPackOrTitle(
            f"政策包 {pack_name} 没有为称号 {title} 规定条件。",
            f"The pack {pack_name} sets no conditions for a title {title}.",
        )
    return pack


def _checked(pack: Pack, facts: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Return the facts with codes normalised. Raises `FactsInvalid` naming every bad one."""
    checked = pack.check_facts(facts)
    if checked.problems:
        raise FactsInvalid(
            errors=[(found.pointer, found.code, found.detail) for found in checked.problems]
        )
    return dict(checked.values)


def _titles_on(held: Sequence[HeldTitle], day: date) -> list[str]:
    return sorted({one.title for one in held if one.is_valid_on(day)})


def _require_in_round(of: Round, division: str) -> None:
    if not covers(of.region, division):
        text = Text(
            f"本批次在 {of.region} 范围内申报。", f"This round is held in {of.region}; apply there."
        )
        raise FactsInvalid(errors=[("/facts/applying_division", "outside_round", text)])


def _require_own(applicant: Actor, *, uscc: str, division: str) -> None:
    if applicant.uscc is not None:
        if applicant.uscc != uscc:
            raise NotYourEnterprise
        return
    if not applicant.is_in_charge_of(division):
        raise NotYourEnterprise


def _require_applicant(reader: Actor, of: Application) -> None:
    if not reader.may(Scope.APPLICATIONS_WRITE) or not reader.holds(*APPLICANTS):
        raise NotAllowed
    _require_own(reader, uscc=of.uscc, division=of.division)


def _require_officer_of(of: Application, officer: Actor) -> None:
    if not officer.may(Scope.APPLICATIONS_WRITE) or not officer.holds(*SIZE_OFFICES):
        raise NotAllowed
    if not officer.is_in_charge_of(of.division):
        raise NotAllowed
    if officer.sub == of.created_by:
        raise SeparationOfDuties(
            "填报人不能认定企业规模。", "Who drafted the application cannot determine its size."
        )


def _refuse_imported(pack: Pack, facts: Mapping[str, JsonValue], applicant: Actor) -> None:
    """Keep an enterprise from stating what comes from a register or a platform."""
    if applicant.uscc is None:
        return
    told = [name for name in facts if name in pack.facts and pack.facts[name].is_imported]
    if told:
        text = Text(
            "此项由主管部门自平台或登记机关导入，企业不能自行填报。",
            "An office imports this from a platform or register; an enterprise does not state it.",
        )
        raise FactsInvalid(errors=[(f"/facts/{name}", "imported", text) for name in told])


def _kind(of: Application) -> Kind:
    return "renewal" if of.kind == "renewal" else "new"


def _determination(of: Application) -> SizeDetermination | None:
    found = of.size_determination
    if found is None:
        return None
    return SizeDetermination(size=Size(found["size"]), legal_basis=found["legal_basis"])


def _require_complete(pack: Pack, of: Application) -> None:
    lacking = missing(pack, of.title, of.facts, _kind(of))
    if lacking:
        raise ApplicationIncomplete(
            errors=[
                (f"/facts/{name}", "missing", Text("尚未填写。", "It is still missing."))
                for name in lacking
            ]
        )


def _require_eligible(eligibility: Eligibility) -> None:
    failed = eligibility.failed
    if failed:
        raise NotEligible(
            "；".join(f"{finding.clause} {finding.because.zh}" for finding in failed),
            " ".join(f"{finding.clause}: {finding.because.en}" for finding in failed),
            errors=[
                (f"/facts/{next(iter(finding.facts), '')}", finding.id, finding.because)
                for finding in failed
            ],
        )


def _sha256_of(facts: Mapping[str, Any]) -> str:
    text = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _is_secret(of: Application) -> bool:
    return of.facts.get("is_secret_involved") is True
