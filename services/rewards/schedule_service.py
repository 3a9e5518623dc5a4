"""奖励标准: drafted by one officer, approved by another, never edited, followed by a later one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.actions import AvailableAction, offer
from services.kernel.clock import Clock
from services.kernel.database import violated_constraint
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, Office, Scope
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.text import Text
from services.policy import rewards
from services.policy.catalogue import Catalogue
from services.policy.divisions import divisions
from services.policy.pack import Pack
from services.policy.rewards import RewardedEvent
from services.rewards.duties import keeps_the_fund, require, require_another, require_jurisdiction
from services.rewards.models import Budget, RewardSchedule, ScheduleAmount
from services.rewards.problems import (
    NoScheduleInForce,
    ScheduleApproved,
    ScheduleCodeTaken,
    ScheduleNotFound,
    ScheduleNotPossible,
    ScheduleOverlaps,
)
from services.rewards.repository import ScheduleRepository, lock_schedules
from services.rewards.workflow import ScheduleStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAmount:
    title: str
    event: RewardedEvent
    region: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    code: str
    document_number: str
    effective_from: date
    effective_until: date | None
    amounts: Sequence[NewAmount]
    settlement: rewards.Settlement | None
    scope: rewards.Scope | None
    budgets: Sequence[tuple[int, Decimal]]


@dataclass(frozen=True, slots=True)
class ScheduleInTime:
    """A schedule, and the day on which a later one takes its place."""

    of: RewardSchedule
    superseded_on: date | None
    is_in_force: bool


class ScheduleService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._schedules = ScheduleRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def draft(self, new: NewSchedule, officer: Actor) -> ScheduleInTime:
        """Write down amounts, settlement and budgets; another person approves them."""
        pack = self._pack(officer, new.effective_from)
        _require_possible(pack, new)
        schedule = RewardSchedule(
            id=new_id(),
            code=new.code,
            document_number=new.document_number,
            effective_from=new.effective_from,
            effective_until=new.effective_until,
            policy_pack=pack.name,
            settlement=new.settlement or pack.reward_rule.default_settlement,
            scope=new.scope or pack.reward_rule.default_scope,
            status=ScheduleStatus.DRAFT,
            created_by=officer.sub,
            created_at=self._clock.now(),
            approved_by=None,
            approved_at=None,
            amounts=[
                ScheduleAmount(
                    number=number,
                    title=line.title,
                    event=line.event,
                    region=line.region,
                    amount=line.amount,
                )
                for number, line in enumerate(new.amounts, start=1)
            ],
            budgets=[Budget(fiscal_year=year, amount=amount) for year, amount in new.budgets],
        )
        self._schedules.add(schedule)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "uq_reward_schedules_code":
                raise ScheduleCodeTaken from error
            raise
        self._record(schedule, "drafted", officer)
        return await self.find(schedule.id, officer)

    async def approve(self, schedule_id: UUID, officer: Actor) -> ScheduleInTime:
        """Put a schedule in force from its day on. Who wrote it cannot approve it."""
        schedule = await self._schedules.find(schedule_id, for_update=True)
        if schedule is None:
            raise ScheduleNotFound
        require_jurisdiction(officer, self._catalogue.pack(schedule.policy_pack))
        _require_approvable(schedule, officer)
        await lock_schedules(self._session)
        begins_on = schedule.effective_from
        earlier = await self._schedules.in_force(begins_on)
        if earlier is not None and begins_on < self._clock.today():
            raise ScheduleOverlaps(
                f"{begins_on} 起实际施行的是标准 {earlier.code}；已经过去的日子适用的标准不再改变。",
                f"Schedule {earlier.code} was in force on {begins_on}; what was in force on days"
                " gone by is not changed any more.",
            )
        schedule.status = ScheduleStatus.APPROVED
        schedule.approved_by = officer.sub
        schedule.approved_at = self._clock.now()
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "one_schedule_begins_on_a_day":
                raise ScheduleOverlaps(
                    f"已有标准自 {begins_on} 起施行。",
                    f"Another approved schedule begins on {begins_on}.",
                ) from error
            raise
        self._record(schedule, "approved", officer)
        return await self.find(schedule_id, officer)

    async def find(self, schedule_id: UUID, reader: Actor) -> ScheduleInTime:
        """Return a schedule; a draft only to those who keep or audit the fund."""
        found = await self._schedules.find(schedule_id)
        if found is None or not self._may_see(found, reader):
            raise ScheduleNotFound
        return (await self._in_time([found]))[0]

    async def page(
        self, reader: Actor, page: Paging, *, status: ScheduleStatus | None
    ) -> Found[ScheduleInTime]:
        kept = [one.name for one in self._catalogue.packs() if keeps_the_fund(reader, one)]
        found = await self._schedules.page(page, status=status, drafts_of=kept)
        return Found(items=await self._in_time(found.items), next=found.next)

    async def in_force(self, on: date) -> RewardSchedule:
        """Return the schedule of a day. Raises `NoScheduleInForce`: the plan prints no amounts."""
        found = await self._schedules.in_force(on)
        if found is None:
            raise NoScheduleInForce(
                f"{on} 没有经批准并生效的奖励标准。",
                f"No approved reward schedule is in force on {on}.",
            )
        return found

    def may_see_granted(self, of: RewardSchedule, reader: Actor) -> bool:
        """Whether the reader keeps or audits the whole fund."""
        return keeps_the_fund(reader, self._catalogue.pack(of.policy_pack))

    def available_actions(self, of: RewardSchedule, reader: Actor) -> list[AvailableAction]:
        def refuse() -> None:
            require(reader, Scope.REWARDS_APPROVE, Office.FINANCE)
            require_jurisdiction(reader, self._catalogue.pack(of.policy_pack))
            _require_approvable(of, reader)

        return [offer("approve", "POST", f"/api/v1/reward-schedules/{of.id}/approval", refuse)]

    def _may_see(self, of: RewardSchedule, reader: Actor) -> bool:
        is_approved = of.status is ScheduleStatus.APPROVED
        return is_approved or keeps_the_fund(reader, self._catalogue.pack(of.policy_pack))

    async def _in_time(self, schedules: Sequence[RewardSchedule]) -> list[ScheduleInTime]:
        superseded = await self._schedules.superseded_on(schedules)
        today = self._clock.today()
        return [
            ScheduleInTime(
                one,
                superseded.get(one.id),
                one.status is ScheduleStatus.APPROVED
                and one.effective_from <= today
                and (one.effective_until is None or today < one.effective_until)
                and (one.id not in superseded or today < superseded[one.id]),
            )
            for one in schedules
        ]

    def _pack(self, officer: Actor, on: date) -> Pack:
        in_force = self._catalogue.in_force(officer.region or "", on)
        pack = next((one for one in in_force if one.rewards is not None), None)
        if pack is None:
            text = Text(
                f"{on} 没有施行的、规定奖励的政策包。",
                f"No pack that gives rewards is in force on {on}.",
            )
            raise ScheduleNotPossible(errors=[("/effective_from", "no_pack_in_force", text)])
        require_jurisdiction(officer, pack)
        return pack

    def _record(self, schedule: RewardSchedule, action: str, officer: Actor) -> None:
        self._journal.record(
            HistoryEntry(
                subject_type="reward_schedule",
                subject_id=schedule.id,
                action=action,
                actor=officer,
                clause=self._catalogue.pack(schedule.policy_pack).reward_rule.clause,
                policy_pack=schedule.policy_pack,
                data={
                    "code": schedule.code,
                    "document_number": schedule.document_number,
                    "effective_from": schedule.effective_from.isoformat(),
                    "effective_until": (
                        None
                        if schedule.effective_until is None
                        else schedule.effective_until.isoformat()
                    ),
                    "settlement": schedule.settlement.value,
                    "scope": schedule.scope.value,
                    "amounts": [
                        {
                            "title": one.title,
                            "event": one.event.value,
                            "region": one.region,
                            "amount": f"{one.amount:.2f}",
                        }
                        for one in schedule.amounts
                    ],
                    "budgets": [
                        {"fiscal_year": one.fiscal_year, "amount": f"{one.amount:.2f}"}
                        for one in schedule.budgets
                    ],
                },
            )
        )


def _require_approvable(schedule: RewardSchedule, officer: Actor) -> None:
    if schedule.status is ScheduleStatus.APPROVED:
        raise ScheduleApproved
    require_another(
        schedule.created_by,
        officer,
        zh="拟定人不能批准自己拟定的标准。",
        en="Who drafted a schedule cannot approve it.",
    )


def _require_possible(pack: Pack, new: NewSchedule) -> None:
    errors: list[tuple[str, str, Text]] = []
    if new.effective_until is not None and new.effective_until <= new.effective_from:
        text = Text("须晚于生效日。", "It has to be later than effective_from.")
        errors.append(("/effective_until", "not_later", text))
    seen: set[tuple[str, str, str | None]] = set()
    for place, line in enumerate(new.amounts):
        pointer = f"/amounts/{place}"
        if line.title not in pack.reward_rule.titles:
            text = Text(
                f"方案 {pack.reward_rule.clause} 未规定该称号的奖励。",
                f"Clause {pack.reward_rule.clause} gives no reward for this title.",
            )
            errors.append((f"{pointer}/title", "not_rewarded", text))
        if line.region is not None and line.region not in divisions():
            text = Text("不是现行行政区划代码。", "It is no division code of today.")
            errors.append((f"{pointer}/region", "unknown_division", text))
        key = (line.title, line.event, line.region)
        if key in seen:
            text = Text(
                "同一称号、事由、地区只能列一次。", "A title, event and region is listed once."
            )
            errors.append((pointer, "listed_twice", text))
        seen.add(key)
    years = [year for year, _ in new.budgets]
    for place, year in enumerate(years):
        if year in years[:place]:
            text = Text("同一年度只能列一次。", "A year is listed once.")
            errors.append((f"/budgets/{place}", "listed_twice", text))
    if errors:
        raise ScheduleNotPossible(errors=errors)
