"""Why a person may not decide on an enterprise (回避), and which experts remain. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from services.kernel.regions import city_of
from services.kernel.text import Text
from services.policy.procedure import ConflictRule, TieKind
from services.policy.validity import years_after


@dataclass(frozen=True, slots=True)
class Tie:
    """What binds a person to an enterprise, as declared or found."""

    sub: str
    uscc: str
    kind: TieKind
    from_on: date | None
    until_on: date | None
    """The last day; None while no end is known."""


@dataclass(frozen=True, slots=True)
class Expert:
    sub: str
    code: str
    """What stands for the expert in a draw, where no name may."""
    employer_uscc: str | None
    fields: frozenset[str]
    division: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """The case that is decided on, as far as it can be a reason to step aside."""

    uscc: str
    division: str
    field: str | None
    filed_by: frozenset[str]
    decided_by: frozenset[str] = frozenset()
    """Who has decided another stage of it."""


class Conflict(NamedTuple):
    code: str
    because: Text


@dataclass(frozen=True, slots=True)
class Candidates:
    codes: tuple[str, ...]
    is_widened: bool
    """Too few are of the case's field, so experts of every field stand in the lot."""
    excluded: tuple[tuple[str, Conflict], ...]
    """Whoever steps aside, with each reason."""


_TIES = {
    TieKind.EMPLOYMENT: Text("与该企业有任职关系。", "Works or worked for the enterprise."),
    TieKind.SHAREHOLDING: Text("持有该企业股份。", "Holds or held shares of the enterprise."),
    TieKind.FAMILY: Text(
        "近亲属与该企业有利害关系。", "A close relative has an interest in the enterprise."
    ),
    TieKind.ADVICE: Text("为该企业提供咨询或中介服务。", "Advises or advised the enterprise."),
    TieKind.OTHER: Text("与该企业有其他利害关系。", "Has another interest in the enterprise."),
}
_EMPLOYER = Conflict("employer", Text("任职单位即该企业。", "The enterprise is the employer."))
_SAME_CITY = Conflict(
    "same_city", Text("与该企业同属一个市州。", "Is from the same city as the enterprise.")
)
_FILED = Conflict("filed", Text("参与填报该申报件。", "Took part in filing the application."))
_DECIDED = Conflict(
    "decided", Text("已在其他环节对该件作出决定。", "Has decided another stage of the case.")
)


def counts(tie: Tie, rule: ConflictRule, today: date) -> bool:
    """Whether a tie is a reason to step aside: it lasts, is agreed for later, or ended lately.

    It still counts until so many full calendar years without it are over: one that ended on
    29 February 2024 counts for three years until 28 February 2027.
    """
    if tie.until_on is None or tie.until_on >= today:
        return True
    return today < years_after(tie.until_on + timedelta(days=1), rule.years)


def ties_of(
    sub: str, subject: Subject, ties: Iterable[Tie], rule: ConflictRule, today: date
) -> list[Conflict]:
    """Return why somebody of any office may not decide: each kind of tie once."""
    kinds = {
        tie.kind
        for tie in ties
        if tie.sub == sub and tie.uscc == subject.uscc and counts(tie, rule, today)
    }
    return [Conflict(f"tie_{kind}", _TIES[kind]) for kind in TieKind if kind in kinds]


def conflicts_of(
    expert: Expert, subject: Subject, ties: Iterable[Tie], rule: ConflictRule, today: date
) -> list[Conflict]:
    """Return why an expert may not decide: the employer, a tie, the same city, a part in it."""
    return list(_conflicts(expert, subject, ties, rule, today))


def _conflicts(
    expert: Expert, subject: Subject, ties: Iterable[Tie], rule: ConflictRule, today: date
) -> Iterator[Conflict]:
    if expert.employer_uscc == subject.uscc:
        yield _EMPLOYER
    yield from ties_of(expert.sub, subject, ties, rule, today)
    if rule.same_city and city_of(expert.division) == city_of(subject.division):
        yield _SAME_CITY
    if expert.sub in subject.filed_by:
        yield _FILED
    if expert.sub in subject.decided_by:
        yield _DECIDED


def candidates_for(
    subject: Subject,
    experts: Sequence[Expert],
    ties: Iterable[Tie],
    rule: ConflictRule,
    *,
    in_field: bool,
    seats: int,
    today: date,
) -> Candidates:
    """Return who stands in the lot of a case, and who steps aside.

    Where the field is asked for and has fewer experts than seats, every field is let in: there may
    still be too few.
    """
    bound = [tie for tie in ties if tie.uscc == subject.uscc]
    free: list[Expert] = []
    excluded: list[tuple[str, Conflict]] = []
    for expert in sorted(experts, key=lambda one: one.code):
        if not expert.is_active:
            continue
        conflicts = conflicts_of(expert, subject, bound, rule, today)
        if not conflicts:
            free.append(expert)
        excluded += [(expert.code, conflict) for conflict in conflicts]
    of_field = [one for one in free if subject.field in one.fields]
    is_widened = in_field and len(of_field) < seats
    chosen = of_field if in_field and not is_widened else free
    return Candidates(
        codes=tuple(one.code for one in chosen), is_widened=is_widened, excluded=tuple(excluded)
    )
