"""What the pure rule is asked with: the titles, grants and schedules as they are on record."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.text import Text
from services.policy import rewards
from services.policy.catalogue import Catalogue
from services.policy.rewards import Considered, Entitlement, HeldTitle, RewardedEvent, entitlement
from services.rewards.models import Holding, RewardSchedule
from services.rewards.repository import GrantRow, HoldingRepository


@dataclass(frozen=True, slots=True)
class Calculated:
    """What was reckoned for one enterprise on a day, by a schedule."""

    uscc: str
    on: date
    schedule: RewardSchedule
    entitlement: Entitlement


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What is known of one enterprise: every title it ever had, and what it was ever granted."""

    holdings: Sequence[Holding]
    grants: Sequence[GrantRow]


class Reckoning:
    def __init__(self, session: AsyncSession, catalogue: Catalogue) -> None:
        self._holdings = HoldingRepository(session)
        self._catalogue = catalogue

    async def on_record(self, usccs: Collection[str]) -> Mapping[str, OnRecord]:
        """Read what is known of each enterprise, in two statements for all of them."""
        holdings: dict[str, list[Holding]] = defaultdict(list)
        for holding in await self._holdings.of_enterprises(usccs):
            holdings[holding.uscc].append(holding)
        grants: dict[str, list[GrantRow]] = defaultdict(list)
        for grant in await self._holdings.grants_of(usccs):
            grants[grant.uscc].append(grant)
        return {uscc: OnRecord(holdings[uscc], grants[uscc]) for uscc in usccs}

    def reckon(
        self,
        uscc: str,
        known: OnRecord,
        schedule: RewardSchedule,
        *,
        on: date,
        fiscal_year: int,
    ) -> Calculated:
        """Apply the pack's rule and the schedule to what is known of an enterprise."""
        pack = self._catalogue.pack(schedule.policy_pack)
        return Calculated(
            uscc=uscc,
            on=on,
            schedule=schedule,
            entitlement=entitlement(
                pack.reward_rule,
                as_schedule(schedule),
                held=[
                    held
                    for holding in known.holdings
                    if holding.valid_from <= on
                    for held in self.held(holding)
                ],
                grants=[as_grant(one) for one in known.grants],
                on=on,
                fiscal_year=fiscal_year,
            ),
        )

    def held(self, of: Holding) -> list[HeldTitle]:
        """Return what a title may be rewarded for: its recognition, and its latest renewal."""
        name = self._catalogue.pack(of.policy_pack).title_named(of.title).name
        found = [_held(of, name, RewardedEvent.RECOGNITION, of.valid_from, of.round_code)]
        if of.renewed_from is not None:
            found.append(
                _held(of, name, RewardedEvent.RENEWAL, of.renewed_from, of.renewal_round_code)
            )
        return found


def _held(
    of: Holding, name: Text, event: RewardedEvent, valid_from: date, round_code: str | None
) -> HeldTitle:
    return HeldTitle(
        recognition_id=str(of.recognition_id),
        title=of.title,
        name=name,
        event=event,
        valid_from=valid_from,
        valid_until=of.valid_until,
        ended_on=of.revoked_on,
        region=of.region,
        round_code=round_code,
        is_taken_over=of.continues is not None,
    )


def as_schedule(of: RewardSchedule) -> rewards.Schedule:
    return rewards.Schedule(
        code=of.code,
        document_number=of.document_number,
        settlement=of.settlement,
        scope=of.scope,
        amounts=tuple(
            rewards.ScheduledAmount(
                title=line.title, event=line.event, region=line.region, amount=line.amount
            )
            for line in of.amounts
        ),
    )


def as_grant(of: GrantRow) -> rewards.Grant:
    return rewards.Grant(
        award_id=str(of.award_id),
        recognition_id=str(of.recognition_id),
        title=of.title,
        event=RewardedEvent(of.event),
        scheduled=of.scheduled_amount,
        amount=of.amount,
        fiscal_year=of.fiscal_year,
    )


def frozen(of: Calculated) -> dict[str, Any]:
    """Return the calculation as it is kept with an award, so that it can be explained for ever."""
    owed = of.entitlement
    return {
        "on": of.on.isoformat(),
        "schedule": of.schedule.code,
        "document_number": of.schedule.document_number,
        "payable": f"{owed.payable:.2f}",
        "already_granted": f"{owed.already_granted:.2f}",
        "settlement": owed.settlement.value,
        "scope": owed.scope.value,
        "clause": owed.clause,
        "formula": {"zh": owed.formula.zh, "en": owed.formula.en},
        "explanation": {"zh": owed.explanation.zh, "en": owed.explanation.en},
        "highest": None if owed.highest is None else _frozen_title(owed.highest),
        "considered": [_frozen_title(one) for one in owed.considered],
    }


def _frozen_title(of: Considered) -> dict[str, Any]:
    return {
        "title": of.held.title,
        "event": of.held.event.value,
        "recognition_id": of.held.recognition_id,
        "valid_from": of.held.valid_from.isoformat(),
        "valid_until": of.held.valid_until.isoformat(),
        "amount": None if of.amount is None else f"{of.amount:.2f}",
        "applies": of.applies,
        "code": of.code.value,
        "because": {"zh": of.because.zh, "en": of.because.en},
        "already_granted": f"{of.already_granted:.2f}",
        "set_against": list(of.set_against),
        "payable": f"{of.payable:.2f}",
    }
