"""异议: what the public says against an enterprise on notice, who is heard, and what becomes of it."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from services.contracts.review import CaseRejected, ObjectionFiled, ObjectionResolved
from services.kernel.actions import AvailableAction, offer
from services.kernel.clock import day_of
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import NOBODY, Actor, Office, Scope
from services.kernel.journal import HistoryEntry
from services.kernel.paging import Found, Paging
from services.kernel.problems import NotAllowed
from services.kernel.working_days import after_working_days
from services.policy import credit_code
from services.policy.stages import StageDecision
from services.review.desk import CaseDesk, period_of, which_case
from services.review.models import Objection, ObjectionStatement, ReviewCase
from services.review.notice_repository import NoticeRepository
from services.review.problems import (
    HearingNotOver,
    NoticeNotFound,
    NoticeNotRunning,
    NotOnNotice,
    ObjectionNotFound,
    ObjectionResolvedAlready,
    StatementGiven,
)
from services.review.workflow import HEARD, SETTLED, CaseStatus, ObjectionStatus, Position

_RECEIPT_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_RECEIPT_LENGTH = 8


class ObjectionService:
    def __init__(self, desk: CaseDesk, notices: NoticeRepository) -> None:
        self._desk = desk
        self._notices = notices

    async def object(
        self,
        notice_id: UUID,
        *,
        uscc: str,
        objector: Mapping[str, str],
        facts: str,
        evidence: Sequence[str],
        received_at: datetime,
    ) -> Objection:
        """Take a named person's objection to an enterprise on a running notice.

        The day on which it arrived counts, however long it waited for its turn.
        """
        notice = await self._notices.hold(notice_id)
        today = day_of(received_at)
        if notice is None or notice.starts_on > today:
            raise NoticeNotFound
        shown = await self._notices.public_cases(notice_id)
        if not shown:
            raise NoticeNotFound
        if not period_of(notice).is_running(today):
            raise NoticeNotRunning(
                f"公示期为 {notice.starts_on} 至 {notice.ends_on}，今天是 {today}。",
                f"The notice ran from {notice.starts_on} to {notice.ends_on}; today is {today}.",
            )
        code = credit_code.normalise(uscc)
        # A secret-involved enterprise is answered like one that is not on the notice at all.
        case = next((one for one in shown if one.uscc == code), None)
        if case is None:
            raise NotOnNotice
        hearing = self._desk.pack(case).procedure.hearing
        objection = Objection(
            id=new_id(),
            number=_receipt(today),
            notice_id=notice_id,
            case_id=case.id,
            objector=dict(objector),
            facts=facts,
            evidence=list(evidence),
            filed_at=self._desk.clock.now(),
            heard_until=after_working_days(today, hearing.working_days).on,
            status=ObjectionStatus.OPEN,
            resolution=None,
            resolved_by=None,
            resolved_at=None,
        )
        self._notices.add(objection)
        await self._desk.session.flush()
        self._record(objection, case, "filed", NOBODY, heard_until=str(objection.heard_until))
        self._desk.journal.announce(
            ObjectionFiled(
                **which_case(case),
                objection_id=objection.id,
                number=objection.number,
                heard_until=objection.heard_until,
            )
        )
        return objection

    async def state(self, objection_id: UUID, *, text: str, speaker: Actor) -> Objection:
        """Take the city's or the enterprise's answer to an objection, once each."""
        objection = await self._take_objection(objection_id, speaker)
        if objection.status is not ObjectionStatus.OPEN:
            raise ObjectionResolvedAlready
        office = _speaks_as(speaker, objection.case)
        if any(one.office == office for one in objection.statements):
            raise StatementGiven
        objection.statements.append(
            ObjectionStatement(
                objection_id=objection.id,
                office=office.value,
                text=text,
                stated_by=speaker.sub,
                stated_at=self._desk.clock.now(),
            )
        )
        await self._desk.session.flush()
        self._record(objection, objection.case, "stated", speaker, office=office.value)
        return objection

    async def resolve(
        self, objection_id: UUID, *, is_sustained: bool, reason: str, officer: Actor
    ) -> Objection:
        """Sustain an objection, which ends the case, or dismiss it, once both sides were heard."""
        objection = await self._take_objection(objection_id, officer)
        self._require_resolvable(objection)
        standing = await self._desk.standing(officer, [objection.case])
        standing.require_no_part(objection.case)
        objection.status = ObjectionStatus.SUSTAINED if is_sustained else ObjectionStatus.DISMISSED
        objection.resolution = reason
        objection.resolved_by = officer.sub
        objection.resolved_at = self._desk.clock.now()
        case = objection.case
        self._record(objection, case, objection.status.value, officer, reason=reason)
        if is_sustained and case.status not in SETTLED:
            await self._end(case, objection, reason, officer)
        await self._desk.session.flush()
        self._desk.journal.announce(
            ObjectionResolved(
                **which_case(case),
                objection_id=objection.id,
                number=objection.number,
                is_sustained=is_sustained,
            )
        )
        return objection

    async def _end(
        self, case: ReviewCase, objection: Objection, reason: str, officer: Actor
    ) -> None:
        self._desk.close(case, StageDecision.REJECT, officer, reason=reason, act_id=objection.id)
        self._desk.place(case, Position(stage=case.stage, status=CaseStatus.REJECTED))
        self._desk.record(
            case,
            "rejected_on_objection",
            officer,
            reason=reason,
            objection_id=str(objection.id),
            number=objection.number,
        )
        self._desk.journal.announce(
            CaseRejected(**which_case(case), stage=case.stage, reason=reason)
        )

    async def _take_objection(self, objection_id: UUID, actor: Actor) -> Objection:
        """Lock an objection that somebody may see; its case first, as everywhere."""
        case_id = await self._notices.case_of_objection(objection_id, actor)
        if case_id is None:
            raise ObjectionNotFound
        await self._notices.lock_case(case_id)
        return await self._notices.lock_objection(objection_id)

    def _require_resolvable(self, objection: Objection) -> None:
        if objection.status is not ObjectionStatus.OPEN:
            raise ObjectionResolvedAlready
        heard = {one.office for one in objection.statements}
        silent = [one.value for one in HEARD if one not in heard]
        if silent and self._desk.clock.today() <= objection.heard_until:
            raise HearingNotOver(
                f"尚待 {'、'.join(silent)} 答复，截止 {objection.heard_until}（含当日）。",
                f"{', '.join(silent)} may still answer, until {objection.heard_until} inclusive.",
            )

    async def find(self, objection_id: UUID, reader: Actor) -> Objection:
        found = await self._notices.find_objection(objection_id, reader)
        if found is None:
            raise ObjectionNotFound
        return found

    async def page(
        self,
        reader: Actor,
        page: Paging,
        *,
        status: ObjectionStatus | None,
        notice_id: UUID | None,
    ) -> Found[Objection]:
        return await self._notices.objections(reader, page, status=status, notice_id=notice_id)

    def available_actions(self, of: Objection, reader: Actor) -> list[AvailableAction]:
        def refuse_resolution() -> None:
            if not reader.may(Scope.REVIEW_DECIDE) or not reader.holds(Office.PROVINCE):
                raise NotAllowed
            self._require_resolvable(of)

        def refuse_statement() -> None:
            if not reader.may(Scope.APPLICATIONS_WRITE) or not reader.holds(*HEARD):
                raise NotAllowed
            if of.status is not ObjectionStatus.OPEN:
                raise ObjectionResolvedAlready
            if any(reader.holds(Office(one.office)) for one in of.statements):
                raise StatementGiven

        path = f"/api/v1/objections/{of.id}"
        return [
            offer("state", "POST", f"{path}/statements", refuse_statement),
            offer("resolve", "POST", f"{path}/resolution", refuse_resolution),
        ]

    def _record(
        self,
        objection: Objection,
        case: ReviewCase,
        action: str,
        actor: Actor,
        *,
        reason: str | None = None,
        **data: str,
    ) -> None:
        self._desk.journal.record(
            HistoryEntry(
                subject_type="objection",
                subject_id=objection.id,
                action=action,
                actor=actor,
                uscc=case.uscc,
                reason=reason,
                clause=self._desk.pack(case).notice.clause,
                policy_pack=case.policy_pack,
                data={
                    "number": objection.number,
                    "notice_id": str(objection.notice_id),
                    "case_id": str(case.id),
                    **data,
                },
            )
        )


def _speaks_as(speaker: Actor, case: ReviewCase) -> Office:
    """Return for whom somebody answers: an enterprise for itself, a city for its own enterprises.

    Raises `ObjectionNotFound` where it is neither, whatever other office the token has.
    """
    if speaker.uscc == case.uscc and speaker.holds(Office.ENTERPRISE):
        return Office.ENTERPRISE
    is_city = speaker.holds(Office.CITY) and speaker.is_in_charge_of(case.division)
    if is_city and speaker.uscc is None:
        return Office.CITY
    raise ObjectionNotFound


def _receipt(day: date) -> str:
    """Return a number for an objection that tells nobody how many there are."""
    drawn = "".join(secrets.choice(_RECEIPT_ALPHABET) for _ in range(_RECEIPT_LENGTH))
    return f"YY-{day:%Y%m%d}-{drawn}"
