"""What a corrected application changed of what review has approved. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.policy.facts import Facts
from services.policy.matter import Kind
from services.policy.pack import Pack

_ALWAYS_MATERIAL = frozenset(
    {"uscc", "legal_name", "registered_division", "applying_division", "is_secret_involved"}
)


def material_changes(
    pack: Pack,
    *,
    title: str,
    kind: Kind,
    facts: tuple[Facts, Facts],
    documents: tuple[Sequence[Mapping[str, Any]] | None, Sequence[Mapping[str, Any]]],
) -> list[str]:
    """Return the facts and kinds of document whose change an approval cannot outlive.

    Those are the facts that a condition, a veto, a scoring table or a panel's indicator looks at, and
    every document: somebody has to look at a new one. `facts` and `documents` are what was before and
    what is now; documents that were never told cannot be compared.
    """
    before, now = facts
    changed = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
    had_before, has_now = documents
    has = {one["kind"]: one["sha256"] for one in has_now}
    had = has if had_before is None else {one["kind"]: one["sha256"] for one in had_before}
    exchanged = {name for name in had.keys() | has.keys() if had.get(name) != has.get(name)}
    return sorted(changed & _looked_at(pack, title, kind) | exchanged)


def _looked_at(pack: Pack, title: str, kind: Kind) -> set[str]:
    tests = pack.tests_of(title, kind)
    looked_at = {fact for one in (*tests.conditions, *tests.vetoes) for fact in one.rule.uses}
    for table in pack.tables_of(title):
        looked_at.update(table.facts_used())
    stages = {stage.id for stage in pack.stages_of(title)}
    for panel in pack.procedure.panels:
        if panel.stage in stages:
            looked_at.update(fact for one in panel.indicators for fact in one.look_at)
    return looked_at | _ALWAYS_MATERIAL
