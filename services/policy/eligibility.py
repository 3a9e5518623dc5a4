"""How an enterprise stands against a title's conditions on a day, with every reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.policy.enterprise_size import EnterpriseSize, SizeDetermination, classify
from services.policy.facts import Facts
from services.policy.matter import Finding, Kind, Matter, Score, Verdict, worst
from services.policy.pack import Pack

__all__ = ["Eligibility", "Finding", "Verdict", "check", "vetoes"]


@dataclass(frozen=True, slots=True)
class Eligibility:
    pack: str
    title: str
    kind: Kind
    on: date
    verdict: Verdict
    """The worst of all answers: not met, else needs an officer, else met."""
    enterprise_size: EnterpriseSize
    conditions: tuple[Finding, ...]
    vetoes: tuple[Finding, ...]
    scores: tuple[Score, ...]
    """The scoring tables that the conditions asked for."""

    @property
    def failed(self) -> tuple[Finding, ...]:
        """What bars a submission. Matters for an officer bar nothing: that is what review is for."""
        return tuple(
            finding
            for finding in (*self.conditions, *self.vetoes)
            if finding.verdict is Verdict.NOT_MET
        )


def check(
    pack: Pack,
    *,
    title: str,
    facts: Facts,
    on: date,
    kind: Kind = "new",
    today: date | None = None,
    titles_held: Iterable[str] = (),
    size: SizeDetermination | None = None,
) -> Eligibility:
    """Judge every condition and veto of a title for facts that `Pack.check_facts` accepted.

    `on` is the day of application, which rolling periods count back from; `today` may be later
    for a correction. `size` is an officer's determination where the standard leaves the size
    open or other law decides it (四.1 国家另有规定的，从其规定). Raises `KeyError` for a title that
    the pack does not have.
    """
    tests = pack.tests_of(title, kind)
    matter = matter_of(
        pack, facts, applied_on=on, today=today or on, titles_held=titles_held, size=size
    )
    conditions = tuple([condition.find(matter) for condition in tests.conditions])
    barred_by = tuple([veto.find(matter) for veto in tests.vetoes])
    return Eligibility(
        pack=pack.name,
        title=title,
        kind=kind,
        on=on,
        verdict=worst([finding.verdict for finding in (*conditions, *barred_by)]),
        enterprise_size=matter.size,
        conditions=conditions,
        vetoes=barred_by,
        scores=matter.scores,
    )


def vetoes(
    pack: Pack, *, title: str, facts: Facts, kind: Kind, applied_on: date, today: date
) -> tuple[Finding, ...]:
    """Judge a title's vetoes again, as review does before it recommends and determines."""
    matter = matter_of(pack, facts, applied_on=applied_on, today=today)
    return tuple(veto.find(matter) for veto in pack.tests_of(title, kind).vetoes)


def matter_of(
    pack: Pack,
    facts: Facts,
    *,
    applied_on: date,
    today: date,
    titles_held: Iterable[str] = (),
    size: SizeDetermination | None = None,
) -> Matter:
    """Make what conditions are judged on, from facts that `Pack.check_facts` accepted."""
    return Matter(
        facts=facts,
        declared=pack.facts,
        option_names=pack.option_names,
        tables=pack.tables,
        titles=pack.title_names,
        size=_size(facts, size),
        applied_on=applied_on,
        today=today,
        titles_held=frozenset(titles_held),
    )


def _size(facts: Facts, determined: SizeDetermination | None) -> EnterpriseSize:
    return classify(
        facts.get("industry_code"),
        employees=facts.get("employees"),
        operating_revenue=_money(facts.get("operating_revenue")),
        total_assets=_money(facts.get("total_assets")),
        fiscal_year=facts.get("fiscal_year"),
        determined=determined,
    )


def _money(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
