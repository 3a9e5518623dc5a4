"""The public register, searched: one statement for a page, by the short way.

It is what people type into a search box, so it has to be quick among a million. It lists what
`search` lists of enterprises with a title that counts today; a test holds the two equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Text,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY

from services.kernel.database import Database
from services.kernel.identity.actor import NOBODY
from services.kernel.paging import Found, Paging, cursor_after, place_after
from services.kernel.questions import Question
from services.kernel.regions import prefix_of
from services.registry.common_parts import CommonParts
from services.registry.models import Enterprise, Recognition
from services.registry.names import grams, searchable
from services.registry.repository import visible_to
from services.registry.search import called, is_valid_on
from services.registry.verification import held_on

_FIRST = ""
"""Before every credit code."""
_NEAR = 4000
"""How many that were ever recognised are looked at in order before the index of names is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSearch:
    """What an enterprise has to be. `title` is that of one recognition that counts today."""

    title: str | None
    region: str | None
    q: str | None
    today: date


@dataclass(frozen=True, slots=True)
class PublicTitle:
    title: str
    policy_pack: str
    certificate_number: str
    valid_from: date
    valid_until: date
    status: str


@dataclass(frozen=True, slots=True)
class PublicRow:
    uscc: str
    legal_name: str
    division: str
    titles: Sequence[PublicTitle]


async def public_page(
    database: Database, parts: CommonParts, sought: PublicSearch, page: Paging
) -> Found[PublicRow]:
    """Return one page of the public register, by credit code."""
    after = place_after(page, [str])
    given: dict[str, Any] = {
        "after": _FIRST if after is None else after[0],
        "title": sought.title,
        "within": "%" if sought.region is None else f"{prefix_of(sought.region)}%",
        "day": sought.today,
        "rows": page.limit + 1,
    }
    if sought.q is None:
        return _page(await _ask(database, "all", given), page)
    part = searchable(sought.q)
    given |= called(part)
    if given["code_from"] is None and sought.region is None and await parts.has(part):
        found = _page(await _ask(database, "near", given), page)
        if found.next is not None:
            return found
    which = "named" if given["code_from"] is None else "coded"
    return _page(await _ask(database, which, given | {"grams": grams(part)}), page)


async def _ask(database: Database, which: str, given: dict[str, Any]) -> Sequence[Any]:
    question = _question(which)
    return await database.fetch(question.sql, *question.values(**given))


def _page(rows: Sequence[Any], page: Paging) -> Found[PublicRow]:
    found = []
    for (uscc, legal_name, division), held in groupby(
        rows, key=lambda row: (row[0], row[1], row[2])
    ):
        found.append(PublicRow(uscc, legal_name, division, [PublicTitle(*row[3:]) for row in held]))
    items = found[: page.limit]
    return Found(
        items=items, next=cursor_after([items[-1].uscc]) if len(found) > page.limit else None
    )


@cache
def _question(which: str) -> Question:
    return Question.of(_statement(which))


def _statement(which: str) -> Any:
    """Write the statement of a page: of all, of those nearby in order, or by the index of names.

    The database plans a statement once for all values. So each way is a statement of its own that
    leaves no other way open.
    """
    day = bindparam("day", type_=Date)
    title = bindparam("title", type_=Text)
    after = bindparam("after", type_=Text)
    fits: list[ColumnElement[bool]] = [
        visible_to(NOBODY),
        Enterprise.is_recognised.expression,
        Enterprise.division.like(bindparam("within", type_=Text)),
    ]
    shown = Enterprise.uscc, Enterprise.legal_name, Enterprise.division
    is_called = Enterprise.names_searched.like(bindparam("pattern", type_=Text), escape="/")
    in_order = select(*shown).where(*fits, Enterprise.uscc > after).order_by(Enterprise.uscc)
    candidates: Any
    if which == "all":
        candidates = in_order.subquery("candidates")
    elif which == "near":
        # Read one after the other, and only for as long as the page is not full.
        nearby = (
            in_order.add_columns(Enterprise.names_searched)
            .limit(literal_column(str(_NEAR)))
            .subquery("nearby")
        )
        candidates = (
            select(nearby)
            .where(nearby.c.names_searched.like(bindparam("pattern", type_=Text), escape="/"))
            .subquery("candidates")
        )
    else:
        has_parts = func.registry.name_grams(Enterprise.names_searched, type_=ARRAY(Text)).contains(
            bindparam("grams", type_=ARRAY(Text))
        )
        found: Any = select(*shown).where(*fits, has_parts, is_called)
        if which == "coded":
            begins_so = Enterprise.uscc.between(
                bindparam("code_from", type_=Text), bindparam("code_until", type_=Text)
            )
            found = select(union(found, select(*shown).where(*fits, begins_so)).subquery("either"))
        # Put in order before anything more is looked up of them.
        named = found.order_by(found.selected_columns.uscc).cte("named").prefix_with("MATERIALIZED")
        candidates = select(named).where(named.c.uscc > after).subquery("candidates")
    # Looked up for each in turn, so that nothing more is looked up once the page is full.
    counting = (
        select(Recognition.id)
        .where(
            Recognition.uscc == candidates.c.uscc,
            is_valid_on(day),
            or_(title.is_(None), Recognition.title == title),
        )
        .limit(literal_column("1"))
        .lateral("counting")
    )
    chosen = (
        select(candidates.c.uscc, candidates.c.legal_name, candidates.c.division)
        .join(counting, true())
        .order_by(candidates.c.uscc)
        .limit(bindparam("rows", type_=Integer))
        .cte("chosen")
    )
    held = held_on(day)
    return (
        select(
            chosen.c.uscc,
            chosen.c.legal_name,
            chosen.c.division,
            Recognition.title,
            held.policy_pack.label("policy_pack"),
            Recognition.certificate_number,
            held.valid_from.label("valid_from"),
            held.valid_until.label("valid_until"),
            held.code.label("code"),
        )
        .select_from(held.source.join(chosen, chosen.c.uscc == Recognition.uscc))
        .where(held.has_begun, held.counts)
        .order_by(chosen.c.uscc, Recognition.id)
    )
