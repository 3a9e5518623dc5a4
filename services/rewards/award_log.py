"""What is written down and announced about an award, by whichever service changed it."""

from typing import Any

from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.policy.catalogue import Catalogue
from services.rewards.models import Award


def record(
    journal: Journal,
    catalogue: Catalogue,
    award: Award,
    action: str,
    actor: Actor,
    *,
    reason: str | None = None,
    **data: Any,
) -> None:
    journal.record(
        HistoryEntry(
            subject_type="award",
            subject_id=award.id,
            action=action,
            actor=actor,
            uscc=award.uscc,
            reason=reason,
            clause=catalogue.pack(award.policy_pack).reward_rule.clause,
            policy_pack=award.policy_pack,
            data={
                "status": award.status.value,
                "title": award.title,
                "event": award.event.value,
                "amount": f"{award.amount:.2f}",
                **data,
            },
        )
    )


def which(award: Award) -> dict[str, Any]:
    """Return what every event about an award says."""
    return {
        "uscc": award.uscc,
        "region": award.region,
        "is_secret": award.is_secret,
        "award_id": award.id,
        "recognition_id": award.recognition_id,
        "title": award.title,
        "fiscal_year": award.fiscal_year,
        "amount": f"{award.amount:.2f}",
    }
