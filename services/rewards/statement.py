"""对账单: what an enterprise was granted, was paid and paid back, in all."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.policy.rewards import ZERO
from services.rewards.award_reading import AwardRecord


@dataclass(frozen=True, slots=True)
class Statement:
    """The sums of an enterprise's awards. Granted is without what was cancelled, in yuan."""

    uscc: str
    granted: Decimal
    disbursed: Decimal
    recovery_due: Decimal
    recovered: Decimal
    waived: Decimal
    awards: Sequence[AwardRecord]


def statement_of(uscc: str, awards: Sequence[AwardRecord]) -> Statement:
    return Statement(
        uscc=uscc,
        granted=sum((one.granted - one.cancelled for one in awards), ZERO),
        disbursed=sum((one.paid for one in awards), ZERO),
        recovery_due=sum((one.recovery_due for one in awards), ZERO),
        recovered=sum((one.recovered for one in awards), ZERO),
        waived=sum((one.waived for one in awards), ZERO),
        awards=awards,
    )
