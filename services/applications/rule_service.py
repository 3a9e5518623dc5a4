"""Questions about the rules; nothing is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import JsonValue

from services.applications.filing_rules import checked, require_title
from services.kernel.clock import Clock
from services.policy.catalogue import Catalogue
from services.policy.eligibility import Eligibility, check
from services.policy.enterprise_size import SizeDetermination
from services.policy.matter import Kind


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


class RuleService:
    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock

    def check_eligibility(self, question: EligibilityQuestion) -> Eligibility:
        """Explain how an enterprise stands against each condition of a title."""
        pack = require_title(self._catalogue, question.pack, question.title)
        today = self._clock.today()
        on = question.on or today
        return check(
            pack,
            title=question.title,
            kind=question.kind,
            facts=checked(pack, question.facts),
            on=on,
            today=max(on, today),
            titles_held=question.titles_held,
            size=question.size,
        )
