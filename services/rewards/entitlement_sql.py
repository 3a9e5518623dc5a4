"""What everybody is owed, in one statement: the rule of `services.policy.rewards` for a whole fund.

It says in SQL what `reckoning.Reckoning.reckon` says of one enterprise; a property test holds the two
equal for every settlement and scope.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Boolean, Date, Integer, String, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from services.kernel.database import UUID_COLUMN
from services.kernel.regions import prefix_of
from services.policy.rewards import RewardRule, Scope, Settlement
from services.rewards.models import SCHEMA, RewardSchedule

_COUNTS: Mapping[Scope, str] = {
    Scope.SAME_ROUND: "g.round_code = c.round_code",
    Scope.SAME_YEAR: "g.fiscal_year = :fiscal_year",
    Scope.CONCURRENT_VALIDITY: "c.valid_from <= g.last_day AND g.valid_from <= c.last_day",
    Scope.EVER: "true",
}
"""When an earlier grant `g` is set against a title `c` that is claimed (同时)."""
_PAYABLE: Mapping[Settlement, str] = {
    Settlement.TOP_UP: "greatest(p.amount - coalesce(s.already, 0), 0)",
    Settlement.HIGHER_FULL: "CASE WHEN s.highest >= p.amount THEN 0 ELSE p.amount END",
    Settlement.NO_OFFSET: "p.amount",
}


@dataclass(frozen=True, slots=True)
class Population:
    """Whose titles are looked at, on which day, for which year's money."""

    region: str
    on: date
    fiscal_year: int


def entitlements(schedule: RewardSchedule) -> str:
    """Write the statement: a row for each enterprise of which a title was or can be rewarded.

    Columns: uscc, legal_name, region, recognition_id, title, event, code (`applies` or `granted`),
    amount, already_granted, payable; of the title that is rewarded now, or else of the highest.
    """
    # Each part is read once for everybody; what is joined has been made narrow before.
    return f"""
        WITH held AS (
            SELECT h.uscc, h.recognition_id, h.title, 'recognition' AS event, h.valid_from,
                   least(h.valid_until, h.revoked_on - 1) AS last_day, h.round_code, h.region,
                   h.legal_name, h.continues IS NOT NULL AS is_taken_over
              FROM {SCHEMA}.holdings h
             WHERE h.valid_from <= :on_day
            UNION ALL
            SELECT h.uscc, h.recognition_id, h.title, 'renewal', h.renewed_from,
                   least(h.valid_until, h.revoked_on - 1), h.renewal_round_code, h.region,
                   h.legal_name, h.continues IS NOT NULL
              FROM {SCHEMA}.holdings h
             WHERE h.valid_from <= :on_day AND h.renewed_from IS NOT NULL
        ), prices AS (
            -- The most particular region decides; there are few titles and places, and many holders.
            SELECT DISTINCT ON (p.title, p.event, p.region) p.title, p.event, p.region, l.amount
              FROM (SELECT DISTINCT title, event, region FROM held) p
              JOIN {SCHEMA}.schedule_amounts l
                ON l.schedule_id = :schedule_id AND l.title = p.title AND l.event = p.event
               AND starts_with(p.region, {SCHEMA}.prefix_of(l.region))
             ORDER BY p.title, p.event, p.region, length({SCHEMA}.prefix_of(l.region)) DESC,
                      l.number
        ), granted AS (
            SELECT g.uscc, g.title, g.event, g.recognition_id, g.scheduled_amount, g.amount,
                   g.fiscal_year, was.valid_from, was.last_day, was.round_code
              FROM {SCHEMA}.grants g
              LEFT JOIN held was
                ON was.recognition_id = g.recognition_id AND was.event = g.event
        ), set_off AS (
            SELECT c.recognition_id, c.event, sum(g.amount) AS already,
                   max(g.scheduled_amount) FILTER (WHERE g.amount > 0) AS highest
              FROM held c JOIN granted g ON g.uscc = c.uscc
             WHERE {_COUNTS[schedule.scope]}
             GROUP BY c.recognition_id, c.event
        ), considered AS (
            SELECT h.uscc, h.legal_name, h.region, h.recognition_id, h.title, h.event, h.valid_from,
                   CASE WHEN had.uscc IS NULL THEN 'applies' ELSE 'granted' END AS code,
                   CASE WHEN had.recognition_id = h.recognition_id THEN had.scheduled_amount
                        ELSE p.amount END AS amount,
                   CASE WHEN had.uscc IS NULL THEN coalesce(s.already, 0) ELSE 0 END
                       AS already_granted,
                   CASE WHEN had.uscc IS NULL THEN {_PAYABLE[schedule.settlement]} ELSE 0 END
                       AS payable
              FROM held h
              LEFT JOIN granted had
                ON had.uscc = h.uscc AND had.event = h.event AND had.title = h.title
               AND (:once_per_title OR had.recognition_id = h.recognition_id)
              LEFT JOIN prices p
                ON p.title = h.title AND p.event = h.event AND p.region = h.region
              LEFT JOIN set_off s ON s.recognition_id = h.recognition_id AND s.event = h.event
             -- What was granted counts wherever the title is; what is claimed lies within.
             WHERE h.region LIKE :within
               AND (had.uscc IS NOT NULL
                    OR (p.amount IS NOT NULL AND NOT h.is_taken_over AND h.title = ANY (:titles)
                        AND h.valid_from <= :on_day AND h.last_day >= :on_day))
        )
        SELECT DISTINCT ON (uscc COLLATE "C")
               uscc, legal_name, region, recognition_id, title, event, code, amount,
               already_granted, payable
          FROM considered
         ORDER BY uscc COLLATE "C", payable > 0 DESC, coalesce(amount, 0) DESC, valid_from DESC,
                  recognition_id DESC, event COLLATE "C" DESC
    """  # noqa: S608 - made of our own words alone; what callers give are parameters


def owed(
    rule: RewardRule, schedule: RewardSchedule, population: Population, *, around: str = "{owed}"
) -> TextClause:
    """Return the statement with all that it is asked with, inside of another one (`{owed}`)."""
    statement = around.format(owed=entitlements(schedule))
    given: dict[str, tuple[Any, Any]] = {
        "schedule_id": (schedule.id, UUID_COLUMN),
        "on_day": (population.on, Date),
        "within": (f"{prefix_of(population.region)}%", String),
        "titles": (list(rule.titles), ARRAY(String)),
        "once_per_title": (rule.once_per_title, Boolean),
    }
    if schedule.scope is Scope.SAME_YEAR:
        given["fiscal_year"] = (population.fiscal_year, Integer)
    return text(statement).bindparams(
        *(bindparam(name, value, type_=kind) for name, (value, kind) in given.items())
    )
