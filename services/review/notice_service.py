"""公示: names stand open to objection, objections are heard, and what stands is recognised."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from services.contracts.review import (
    CasePutOnNotice,
    CaseRecognised,
)
from services.kernel.actions import AvailableAction, offer
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, Office, Scope, system_actor
from services.kernel.journal import HistoryEntry
from services.kernel.paging import Found, Paging
from services.kernel.problems import NotAllowed
from services.kernel.text import Text
from services.kernel.working_days import Deadline, after_calendar_days, after_working_days
from services.policy.pack import Pack
from services.policy.stages import StageDecision
from services.review.desk import CaseDesk, kind_of, period_of, which_case
from services.review.lists import not_ready
from services.review.models import Notice, ReviewCase
from services.review.notice_repository import NoticeRepository
from services.review.problems import (
    CasesNotReadyForNotice,
    NothingToRecognise,
    NoticeInPast,
    NoticeNotFound,
    NoticeStillRunning,
    NoticeTooFar,
    RecognitionDayNotPossible,
)
from services.review.workflow import (
    Act,
    CaseStatus,
    Position,
)

_RECEIPT_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_RECEIPT_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Recognised:
    notice: Notice
    document_number: str
    decided_on: date
    cases: Sequence[ReviewCase]
    held: Sequence[tuple[ReviewCase, Text]]
    """What was left out, and why."""


_LATEST_START = timedelta(days=60)
_CONTESTED = Text("有未处理的异议。", "An objection against it is not resolved.")


class NoticeService:
    def __init__(self, desk: CaseDesk, notices: NoticeRepository) -> None:
        self._desk = desk
        self._notices = notices

    async def publish(
        self, *, round_id: UUID, case_ids: Sequence[UUID], starts_on: date, officer: Actor
    ) -> Notice:
        """Put determined cases of one round on public notice, for the days that the pack sets."""
        if starts_on < self._desk.clock.today():
            raise NoticeInPast
        if starts_on > self._desk.clock.today() + _LATEST_START:
            raise NoticeTooFar
        cases = await self._desk.cases.lock_many(case_ids, officer)
        standing = await self._desk.standing(officer, cases)
        errors = not_ready(
            case_ids, cases, round_id, lambda case: standing.refusal(Act.PUT_ON_NOTICE, case)
        )
        if errors:
            raise CasesNotReadyForNotice(errors=errors)
        first = cases[0]
        pack = self._desk.pack(first)
        ending = end_of_notice(pack, starts_on)
        notice = Notice(
            id=new_id(),
            round_id=round_id,
            round_code=first.round_code,
            title=first.title,
            policy_pack=pack.name,
            starts_on=starts_on,
            ends_on=ending.on,
            is_provisional=ending.is_provisional,
            created_by=officer.sub,
            created_at=self._desk.clock.now(),
        )
        self._notices.add(notice)
        await self._desk.session.flush()
        for case in cases:
            self._desk.place(case, Position(stage=case.stage, status=CaseStatus.ON_NOTICE))
            case.notice_id = notice.id
            self._desk.record(
                case,
                "put_on_notice",
                officer,
                clause=pack.notice.clause,
                notice_id=str(notice.id),
                starts_on=starts_on.isoformat(),
                ends_on=ending.on.isoformat(),
            )
            self._desk.journal.announce(
                CasePutOnNotice(
                    **which_case(case),
                    notice_id=notice.id,
                    starts_on=starts_on,
                    ends_on=ending.on,
                )
            )
        await self._desk.session.flush()
        return notice

    async def recognise(
        self, notice_id: UUID, *, document_number: str, decided_on: date, officer: Actor
    ) -> Recognised:
        """Recognise every case of a finished notice that neither an objection nor an exclusion holds."""
        notice = await self._notices.lock(notice_id)
        if notice is None or not await self._notices.case_ids(notice_id, officer):
            raise NoticeNotFound
        on_notice = await self._desk.cases.lock_on_notice(notice_id)
        if not all(officer.is_in_charge_of(case.division) for case in on_notice):
            raise NoticeNotFound
        today = self._desk.clock.today()
        require_over(notice, today)
        if not notice.ends_on < decided_on <= today:
            raise RecognitionDayNotPossible(
                f"公示截止 {notice.ends_on}，今天是 {today}，认定日期 {decided_on} 不成立。",
                f"The notice ended on {notice.ends_on} and today is {today};"
                f" {decided_on} is not between them.",
            )
        contested = await self._notices.open_objections([case.id for case in on_notice])
        # Not today alone: nothing is recognised as of a day on which its enterprise was excluded.
        bars = await self._desk.bars_on(decided_on, on_notice)
        held = dict.fromkeys(contested, _CONTESTED)
        held |= {case_id: bar.refusal.detail for case_id, bar in bars.items()}
        recognised = [case for case in on_notice if case.id not in held]
        if not recognised:
            raise NothingToRecognise
        standing = await self._desk.standing(officer, recognised)
        for case in recognised:
            standing.require_not_filed(case)
        for case in recognised:
            self._recognise(case, notice, document_number, decided_on, officer)
        await self._desk.session.flush()
        # What became secret is taken off earlier notices, too.
        await self._desk.cases.hide({case.uscc for case in recognised if case.is_secret})
        return Recognised(
            notice=notice,
            document_number=document_number,
            decided_on=decided_on,
            cases=recognised,
            held=[(case, held[case.id]) for case in on_notice if case.id in held],
        )

    def _recognise(
        self,
        case: ReviewCase,
        notice: Notice,
        document_number: str,
        decided_on: date,
        officer: Actor,
    ) -> None:
        clause = self._desk.pack(case).notice.clause
        self._desk.close(
            case,
            StageDecision.ENDORSE,
            officer,
            reason=f"公示无异议，予以认定：{document_number}",
            act_id=notice.id,
        )
        self._desk.place(case, Position(stage=case.stage, status=CaseStatus.RECOGNISED))
        self._desk.record(
            case,
            "recognised",
            officer,
            clause=clause,
            document_number=document_number,
            decided_on=decided_on.isoformat(),
        )
        self._desk.journal.announce(
            CaseRecognised(
                **which_case(case),
                kind=kind_of(case),
                policy_pack=case.policy_pack,
                legal_name=case.legal_name,
                document_number=document_number,
                decided_on=decided_on,
                facts=case.facts,
                applied_on=case.applied_on,
            )
        )

    async def reckon_again(self) -> int:
        """Reckon provisional ends of notices anew, for calendars that have been published since."""
        today, changed = self._desk.clock.today(), 0
        for notice in await self._notices.provisional(today):
            ending = end_of_notice(self._desk.pack_named(notice.policy_pack), notice.starts_on)
            # Days that were promised to the public are not taken from it again.
            ends_on = max(ending.on, notice.ends_on) if notice.starts_on <= today else ending.on
            if (ends_on, ending.is_provisional) == (notice.ends_on, notice.is_provisional):
                continue
            before, notice.ends_on = notice.ends_on, ends_on
            notice.is_provisional = ending.is_provisional
            changed += 1
            self._desk.journal.record(
                HistoryEntry(
                    subject_type="notice",
                    subject_id=notice.id,
                    action="end_reckoned",
                    actor=system_actor("review"),
                    clause=self.clause(notice),
                    policy_pack=notice.policy_pack,
                    data={"before": before.isoformat(), "ends_on": ends_on.isoformat()},
                )
            )
        await self._desk.session.flush()
        return changed

    async def find(self, notice_id: UUID, reader: Actor) -> tuple[Notice, Sequence[UUID]]:
        """Return a notice with those of its cases that the reader may see, one at least."""
        found = await self._notices.find(notice_id)
        case_ids = await self._notices.case_ids(notice_id, reader)
        if found is None or not case_ids:
            raise NoticeNotFound
        return found, case_ids

    async def page(self, reader: Actor, page: Paging, *, round_id: UUID | None) -> Found[Notice]:
        return await self._notices.page(reader, page, round_id=round_id)

    async def find_public(self, notice_id: UUID) -> tuple[Notice, Sequence[ReviewCase]]:
        """Return a notice once it has begun, with whom the public sees on it, one at least."""
        found = await self._notices.find(notice_id)
        if found is None or found.starts_on > self._desk.clock.today():
            raise NoticeNotFound
        shown = await self._notices.public_cases(notice_id)
        if not shown:
            raise NoticeNotFound
        return found, shown

    async def public_page(self, page: Paging) -> Found[Notice]:
        return await self._notices.public_page(page, self._desk.clock.today())

    async def case_ids(self, of: Notice, reader: Actor) -> Sequence[UUID]:
        return await self._notices.case_ids(of.id, reader)

    def is_running(self, of: Notice) -> bool:
        return period_of(of).is_running(self._desk.clock.today())

    def title_name(self, of: Notice) -> Text:
        return self._desk.pack_named(of.policy_pack).title_named(of.title).name

    def clause(self, of: Notice) -> str:
        return self._desk.pack_named(of.policy_pack).notice.clause

    def available_actions(self, of: Notice, reader: Actor) -> list[AvailableAction]:
        def refuse() -> None:
            if not reader.may(Scope.REVIEW_DECIDE) or not reader.holds(Office.PROVINCE):
                raise NotAllowed
            require_over(of, self._desk.clock.today())

        return [offer("recognise", "POST", f"/api/v1/notices/{of.id}/recognition", refuse)]


def require_over(notice: Notice, today: date) -> None:
    if not period_of(notice).is_over(today):
        raise NoticeStillRunning(
            f"公示至 {notice.ends_on}（含当日），今天是 {today}。",
            f"The notice runs to {notice.ends_on} inclusive; today is {today}.",
        )


def end_of_notice(pack: Pack, starts_on: date) -> Deadline:
    """Return the last day of a notice. The day on which it begins is not counted (民法典 201)."""
    if pack.notice.days == "working":
        return after_working_days(starts_on, pack.notice.length)
    return after_calendar_days(starts_on, pack.notice.length)
