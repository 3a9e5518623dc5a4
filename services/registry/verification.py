"""核验: whether an enterprise holds a title on a day. One statement answers for one and for many.

It says in SQL what `workflow.Life` says in Python; tests hold the two equal on every day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Select,
    TableValuedAlias,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from services.kernel.database import Database
from services.kernel.identity.actor import Actor
from services.kernel.questions import Question
from services.policy import credit_code
from services.registry.following_models import (
    LibraryStep,
    LibraryStepKind,
    RenewalCall,
    RenewalRound,
)
from services.registry.models import (
    Enterprise,
    Recognition,
    RecognitionTerm,
    RenewalStep,
    RenewalStepKind,
)
from services.registry.repository import INSIDERS, visible_to
from services.registry.workflow import COUNTS, VerificationCode

LIBRARY = "cultivation_library"
_COUNTING = frozenset(status.value for status in COUNTS)

Answer = dict[str, Any]
"""One item's answer, as it is sent: uscc, title, is_valid, code, days and certificate number."""


async def verify(
    database: Database,
    items: Sequence[tuple[str, str | None]],
    *,
    on: date,
    reader: Actor,
) -> list[Answer]:
    """Answer for each enterprise and title, in the order of asking, on a day.

    Without a title, the best that it holds is told: what counts comes first, then the higher title.
    """
    question = question_for(reader)
    codes = [credit_code.normalise(uscc) for uscc, _ in items]
    rows = await database.fetch(
        question.sql,
        *question.values(usccs=codes, titles=[title for _, title in items], day=on),
    )
    answers: list[Answer] = [
        {
            "uscc": code,
            "title": title,
            "is_valid": False,
            "code": None,
            "valid_from": None,
            "valid_until": None,
            "certificate_number": None,
        }
        for code, (_, title) in zip(codes, items, strict=True)
    ]
    for place, title, code, valid_from, valid_until, number in rows:
        answer = answers[place - 1]
        answer["title"] = title
        answer["is_valid"] = code in _COUNTING
        answer["code"] = code
        answer["valid_from"] = valid_from
        answer["valid_until"] = valid_until
        answer["certificate_number"] = number
    for answer in answers:
        if answer["code"] is None:
            # Whoever is on record has a sound code, so only the others are looked at.
            is_sound = credit_code.is_valid(answer["uscc"])
            answer["code"] = (
                VerificationCode.NEVER_RECOGNISED if is_sound else VerificationCode.UNKNOWN_CODE
            ).value
    return answers


def question_for(reader: Actor) -> Question:
    """Return the statement that answers for a reader: one for all who see the same enterprises."""
    return _question(reader.uscc, reader.region if reader.holds(*INSIDERS) else None)


@lru_cache(maxsize=4096)
def _question(uscc: str | None, region: str | None) -> Question:
    """Write the statement for readers who see the same enterprises."""
    reader = Actor(
        sub="",
        client_id="",
        offices=frozenset(INSIDERS) if region is not None else frozenset(),
        scopes=frozenset(),
        region=region,
        uscc=uscc,
    )
    return Question.of(_statement(reader))


def _statement(reader: Actor) -> Any:
    day = bindparam("day", type_=Date)
    asked = (
        func.unnest(bindparam("usccs", type_=ARRAY(Text)), bindparam("titles", type_=ARRAY(Text)))
        .table_valued("uscc", "title", with_ordinality="place", name="asked")
        .render_derived()
    )
    best = _best(asked, day, visible_to(reader)).lateral("best")
    member = _membership(asked, day, visible_to(reader)).lateral("member")
    return union_all(
        select(
            asked.c.place,
            best.c.title,
            best.c.code,
            best.c.valid_from,
            best.c.valid_until,
            best.c.certificate_number,
        ).select_from(asked.join(best, true())),
        select(
            asked.c.place,
            asked.c.title,
            member.c.code,
            member.c.valid_from,
            member.c.valid_until,
            literal_column("NULL::text"),
        )
        .select_from(asked.join(member, true()))
        .where(asked.c.title == _word(LIBRARY)),
    )


def _word(text: str) -> ColumnElement[str]:
    """Write one of our own words into the statement itself, so that it is planned with it."""
    return literal_column(f"'{text}'", Text)


@dataclass(frozen=True, slots=True)
class Held:
    """What a recognition is on a day, in SQL, for those that had begun by then."""

    source: FromClause
    """Recognitions, each with the earlier term that counts where it is not the latest."""
    has_begun: ColumnElement[bool]
    policy_pack: ColumnElement[str]
    """Of the term."""
    valid_from: ColumnElement[date]
    valid_until: ColumnElement[date]
    counts: ColumnElement[bool]
    code: ColumnElement[str]


def held_on(day: ColumnElement[date]) -> Held:
    """Write what a recognition is on a day."""
    # Nearly always the latest term has begun by the day, and it stands in the recognition itself.
    gone = Recognition.transferred_on
    is_latest = and_(
        Recognition.valid_from <= day, or_(gone.is_(None), Recognition.valid_from < gone)
    )
    earlier = aliased(RecognitionTerm)
    term = (
        select(earlier.valid_from, earlier.valid_until, earlier.policy_pack)
        .where(
            ~is_latest,
            or_(gone.is_(None), earlier.valid_from < gone),
            earlier.recognition_id == Recognition.id,
            earlier.valid_from <= day,
        )
        .order_by(earlier.valid_from.desc())
        .limit(literal_column("1"))
        .correlate(Recognition)
        .lateral("earlier")
    )
    ends = case((is_latest, Recognition.valid_until), else_=term.c.valid_until)
    valid_until = func.least(ends, Recognition.transferred_on - literal_column("1"))
    is_revoked = and_(Recognition.revoked_on.is_not(None), Recognition.revoked_on <= day)
    covers = valid_until >= day
    return Held(
        source=Recognition.__table__.outerjoin(term, true()),
        has_begun=and_(
            or_(is_latest, term.c.valid_from.is_not(None)),
            or_(Recognition.held_from.is_(None), Recognition.held_from <= day),
        ),
        policy_pack=case((is_latest, Recognition.policy_pack), else_=term.c.policy_pack),
        valid_from=case((is_latest, Recognition.valid_from), else_=term.c.valid_from),
        valid_until=valid_until,
        counts=and_(~is_revoked, covers),
        code=case(
            (is_revoked, _word(VerificationCode.REVOKED)),
            (
                and_(covers, is_latest, Recognition.renewal_opens_on <= day),
                _word(VerificationCode.RENEWAL_DUE),
            ),
            (covers, _word(VerificationCode.VALID)),
            (
                and_(
                    or_(Recognition.transferred_on.is_(None), Recognition.transferred_on > day),
                    awaits_renewal(day, ends),
                ),
                _word(VerificationCode.AWAITING_RENEWAL),
            ),
            else_=_word(VerificationCode.LAPSED),
        ),
    )


def _best(
    asked: TableValuedAlias, day: ColumnElement[date], is_visible: ColumnElement[bool]
) -> Any:
    """Return the best of what an enterprise holds or held on a day."""
    held = held_on(day)
    return (
        select(
            Recognition.title,
            Recognition.certificate_number,
            held.valid_from.label("valid_from"),
            held.valid_until.label("valid_until"),
            held.code.label("code"),
        )
        .select_from(held.source)
        .join(Enterprise, Enterprise.uscc == Recognition.uscc)
        .where(
            Recognition.uscc == asked.c.uscc,
            is_visible,
            or_(asked.c.title.is_(None), Recognition.title == asked.c.title),
            held.has_begun,
        )
        .order_by(
            held.counts.desc(),
            Recognition.title_rank.desc(),
            held.valid_from.desc(),
            Recognition.id.desc(),
        )
        .limit(literal_column("1"))
        .correlate(asked)
    )


def awaits_renewal(
    day: ColumnElement[date] | date, ends_on: ColumnElement[date]
) -> ColumnElement[bool]:
    """Return whether material that came in time for the end of a term was undecided on a day.

    In time is by the term's last day, or by the day that a renewal round gave for this very term.
    """
    later, filing = aliased(RenewalStep), aliased(RenewalStep)
    given = (
        select(func.max(RenewalRound.materials_due_on))
        .join(RenewalCall, RenewalCall.round_id == RenewalRound.id)
        .where(RenewalCall.recognition_id == Recognition.id, RenewalCall.term_ends_on == ends_on)
        .correlate_except(RenewalCall, RenewalRound)
        .scalar_subquery()
    )
    # What is filed and settled on one day is settled: filings come first on their day.
    place = _place(RenewalStep)
    return (
        select(RenewalStep.id)
        .where(
            RenewalStep.uscc == Recognition.uscc,
            RenewalStep.title == Recognition.title,
            RenewalStep.on_day <= day,
            RenewalStep.step != _word(RenewalStepKind.SETTLED),
            # By whom it was filed makes no difference: it may have gone over with the title.
            select(filing.id)
            .where(
                filing.application_id == RenewalStep.application_id,
                filing.step == _word(RenewalStepKind.FILED),
                filing.on_day <= func.greatest(ends_on, given),
            )
            .correlate_except(filing)
            .exists(),
            ~select(later.id)
            .where(
                later.application_id == RenewalStep.application_id,
                later.on_day <= day,
                _place(later) > place,
            )
            .exists(),
        )
        .exists()
    )


def _place(of: Any) -> Any:
    return func.row(of.on_day, of.step != _word(RenewalStepKind.FILED), of.recorded_at, of.id)


def _membership(
    asked: TableValuedAlias, day: ColumnElement[date], is_visible: ColumnElement[bool]
) -> Select[Any]:
    """Return since when an enterprise has been in a city's library, or until when it was."""
    is_in = LibraryStep.step == _word(LibraryStepKind.ENTERED)
    return (
        select(
            case(
                (is_in, _word(VerificationCode.VALID)), else_=_word(VerificationCode.LAPSED)
            ).label("code"),
            case((is_in, LibraryStep.on_day)).label("valid_from"),
            case((~is_in, LibraryStep.on_day - literal_column("1"))).label("valid_until"),
        )
        .join(Enterprise, Enterprise.uscc == LibraryStep.uscc)
        .where(LibraryStep.uscc == asked.c.uscc, LibraryStep.on_day <= day, is_visible)
        .order_by(LibraryStep.on_day.desc(), LibraryStep.recorded_at.desc(), LibraryStep.id.desc())
        .limit(literal_column("1"))
        .correlate(asked)
    )
