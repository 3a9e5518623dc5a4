"""Taking rows of a workbook over: each becomes a draft, changes one, or is named with what is wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.contacts import NewContact, checked_contact, said_in
from services.applications.filing_rules import (
    SIZED_BY,
    given_by,
    held_title,
    is_stated,
    refuse_change_without_word,
    refuse_statement_without_word,
    seen_by,
)
from services.applications.models import Application, Contact, Holding, Import, Mandate, Round
from services.applications.problems import ContactInvalid, FactNotOpened
from services.applications.repository import (
    ApplicationRepository,
    ContactRepository,
    HoldingRepository,
    MandateRepository,
)
from services.applications.workbook import RowRead
from services.applications.workflow import (
    NAMES,
    ApplicationStatus,
    HeldTitle,
    RowOutcome,
    Step,
    after,
    refuse_edit,
    refuse_kind,
)
from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.problems import Problem
from services.kernel.regions import covers
from services.kernel.text import Text
from services.kernel.workbooks.workbook import CellProblem
from services.policy.pack import Pack


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one row."""

    row: int
    uscc: str
    outcome: RowOutcome
    application_id: UUID


@dataclass(frozen=True, slots=True)
class Assignment:
    """One import: the round and pack that it is for, and in whose name the rows are filed."""

    of: Import
    round: Round
    pack: Pack
    size: int
    """Of the workbook, in bytes."""
    officer: Actor
    seen: dict[str, int] = field(default_factory=dict)
    """In which row each enterprise of the file stood first."""

    @property
    def region(self) -> str:
        return self.of.region

    @property
    def kind(self) -> str:
        return self.of.kind


@dataclass(frozen=True, slots=True)
class _Known:
    """What the programme knows of the enterprises of some rows."""

    live: Mapping[str, Sequence[Application]]
    mandates: Mapping[str, Mandate]
    held: Mapping[str, Sequence[Holding]]
    contacts: Mapping[UUID, Contact]


class RowTaker:
    """Works in one transaction. The same row twice leaves what the first one left."""

    def __init__(self, session: AsyncSession, journal: Journal, clock: Clock) -> None:
        self._session = session
        self._applications = ApplicationRepository(session)
        self._holdings = HoldingRepository(session)
        self._mandates = MandateRepository(session)
        self._contacts = ContactRepository(session)
        self._journal = journal
        self._clock = clock

    async def take(
        self, rows: Sequence[RowRead], to: Assignment
    ) -> tuple[list[Taken], list[CellProblem]]:
        """Take some rows over. A row with a problem changes nothing."""
        problems: list[CellProblem] = []
        sound: list[tuple[RowRead, NewContact | None]] = []
        for row in rows:
            found, contact = self._look_at(row, to)
            problems += found
            if not found:
                sound.append((row, contact))
        known = await self._known([str(row.facts["uscc"]) for row, _ in sound], to)
        taken: list[Taken] = []
        for row, contact in sound:
            uscc = str(row.facts["uscc"])
            try:
                existing = self._existing(row, known.live.get(uscc, ()), to)
                taken.append(
                    self._draft(row, contact, known, to)
                    if existing is None
                    else self._update(row, contact, existing, known, to)
                )
            except _RowRefused as refused:
                problems.append(refused.problem)
            except Problem as refused:
                problems.append(_whole_row(row, refused.slug.replace("-", "_"), refused.detail))
        await self._session.flush()
        return taken, problems

    def _look_at(self, row: RowRead, to: Assignment) -> tuple[list[CellProblem], NewContact | None]:
        """Return what is wrong with a row by itself, and its contact."""
        found = list(row.problems)
        told = {problem.name for problem in found}
        contact: NewContact | None = None
        if row.contact:
            try:
                contact = checked_contact(row.contact)
            except ContactInvalid as invalid:
                found += [
                    _in_cell(row, f"contact.{pointer.removeprefix('/')}", code, detail)
                    for pointer, code, detail in invalid.errors
                    if f"contact.{pointer.removeprefix('/')}" not in told
                ]
        missing = [
            name
            for name in ("uscc", "applying_division")
            if name not in row.facts and name not in told
        ]
        found += [
            _in_cell(row, name, "missing", Text("缺少必填项。", "It is required."))
            for name in missing
        ]
        division = row.facts.get("applying_division")
        if isinstance(division, str) and not covers(to.region, division):
            outside = Text(
                f"申报地不在本单位辖区（{to.region}）内。",
                f"It does not apply in the division of your office ({to.region}).",
            )
            found.append(_in_cell(row, "applying_division", "outside_your_division", outside))
        uscc = row.facts.get("uscc")
        if isinstance(uscc, str):
            first = to.seen.setdefault(uscc, row.number)
            if first != row.number:
                twice = Text(
                    f"与第 {first} 行是同一企业。", f"It is the same enterprise as in row {first}."
                )
                found.append(_in_cell(row, "uscc", "repeated_enterprise", twice))
        return found, contact

    async def _known(self, usccs: Sequence[str], to: Assignment) -> _Known:
        today = self._clock.today()
        mandates = await self._mandates.in_force(usccs, region=to.region, day=today)
        live = await self._applications.lock_live(
            to.round, usccs, region=to.region, mandated=list(mandates)
        )
        contacts = await self._contacts.of_applications([one.id for one in live])
        return _Known(
            live=_by_enterprise(live),
            mandates=mandates,
            held=_by_enterprise(await self._holdings.of_enterprises(usccs)),
            contacts={one.application_id: one for one in contacts},
        )

    def _existing(
        self, row: RowRead, live: Sequence[Application], to: Assignment
    ) -> Application | None:
        """Return the application that a row is about, if there is one already."""
        if not live:
            return None
        confirmed = [one for one in live if one.confirmed_at is not None]
        found = (confirmed or list(live))[0]
        if not covers(to.region, found.division):
            elsewhere = Text(
                "该企业已在其他地区申报本批次。", "It applies in this round elsewhere already."
            )
            raise _RowRefused(_in_cell(row, "uscc", "application_exists", elsewhere))
        if found.kind != to.kind:
            other = Text(
                "该企业本批次已有另一类申报。",
                "It has an application of the other kind in this round.",
            )
            raise _RowRefused(_in_cell(row, "uscc", "application_exists", other))
        return found

    def _draft(
        self, row: RowRead, contact: NewContact | None, known: _Known, to: Assignment
    ) -> Taken:
        uscc = str(row.facts["uscc"])
        mandate = known.mandates.get(uscc)
        now, today = self._clock.now(), self._clock.today()
        held = known.held.get(uscc, ())
        if mandate is None:
            # What an enterprise does elsewhere is told to who has its word, and to nobody else.
            held = seen_by(held, to.officer)
        refuse_kind(to.kind, to.round.title, _held(held), today, to.pack.validity)
        draft = Application(
            id=new_id(),
            round_id=to.round.id,
            kind=to.kind,
            title=to.round.title,
            policy_pack=to.pack.name,
            uscc=uscc,
            division=str(row.facts["applying_division"]),
            status=ApplicationStatus.DRAFT,
            facts=dict(row.facts),
            provenance=self._provenance(row.facts, to),
            submission_number=0,
            applied_on=None,
            opened=[],
            return_reason=None,
            remarks=[],
            size_determination=None,
            created_by=to.officer.sub,
            filed_region=to.region,
            confirmed_at=None if mandate is None else now,
            confirmed_by=None if mandate is None else to.officer.sub,
            mandate_id=None if mandate is None else mandate.id,
            created_at=now,
            updated_at=now,
        )
        self._session.add(draft)
        if contact is not None:
            self._contacts.add(contact.row(draft.id, given_by=to.officer.sub, given_at=now))
        self._record(draft, "drafted", to, row=row.number, facts=sorted(row.facts))
        return Taken(row.number, uscc, RowOutcome.CREATED, draft.id)

    def _update(
        self,
        row: RowRead,
        contact: NewContact | None,
        existing: Application,
        known: _Known,
        to: Assignment,
    ) -> Taken:
        """Merge a row into what is there. An empty cell leaves what it finds.

        Everything is looked at before anything is changed.
        """
        mandate = known.mandates.get(existing.uscc)
        changed = {
            name: value for name, value in row.facts.items() if existing.facts.get(name) != value
        }
        if changed:
            self._refuse_change(row, changed, existing, mandate, to)
        new_contact = self._new_contact(contact, existing, known, to)
        is_adopted = mandate is not None and existing.confirmed_at is None
        if is_adopted:
            held = _held(known.held.get(existing.uscc, ()))
            refuse_kind(existing.kind, existing.title, held, self._clock.today(), to.pack.validity)
        now = self._clock.now()
        if changed:
            existing.facts = {**existing.facts, **changed}
            existing.provenance = {**existing.provenance, **self._provenance(changed, to)}
            existing.division = str(existing.facts["applying_division"])
            existing.updated_at = now
            self._record(existing, "edited", to, row=row.number, facts=sorted(changed))
            self._end_determination(existing, changed, to)
        if new_contact is not None:
            self._put_contact(new_contact, existing, known, to)
        if is_adopted and mandate is not None:
            existing.confirmed_at = now
            existing.confirmed_by = to.officer.sub
            existing.mandate_id = mandate.id
            self._record(existing, "confirmed", to, mandate_id=str(mandate.id))
        is_news = bool(changed) or new_contact is not None or is_adopted
        outcome = RowOutcome.UPDATED if is_news else RowOutcome.UNCHANGED
        return Taken(row.number, existing.uscc, outcome, existing.id)

    def _refuse_change(
        self,
        row: RowRead,
        changed: Mapping[str, Any],
        existing: Application,
        mandate: Mandate | None,
        to: Assignment,
    ) -> None:
        if existing.status not in {ApplicationStatus.DRAFT, ApplicationStatus.RETURNED}:
            state = NAMES[existing.status]
            over = Text(
                f"该企业的申报当前为“{state.zh}”，不能修改。",
                f"Its application is {state.en}; it cannot be edited.",
            )
            raise _RowRefused(_whole_row(row, "application_not_editable", over))
        try:
            refuse_edit(existing.status, set(changed), set(existing.opened))
        except FactNotOpened as refused:
            pointer, code, detail = refused.errors[0]
            name = pointer.rpartition("/")[2]
            raise _RowRefused(_in_cell(row, name, code, detail)) from refused
        for name in sorted(changed):
            # With a mandate an office may change it, but not by a list, unawares.
            if is_stated(existing, name) and not to.pack.facts[name].is_imported:
                stated = Text(
                    "企业已自行填报，导入不予改动。",
                    "The enterprise states this itself; an import leaves it as it is.",
                )
                raise _RowRefused(_in_cell(row, name, "stated_by_enterprise", stated))
        refuse_change_without_word(
            to.officer, existing, mandate, pack=to.pack, names=sorted(changed)
        )

    def _new_contact(
        self,
        contact: NewContact | None,
        existing: Application,
        known: _Known,
        to: Assignment,
    ) -> NewContact | None:
        """Return whom to call from now on, when that is news and nobody else has said so."""
        there = known.contacts.get(existing.id)
        if contact is None or (there is not None and there.given_by != to.officer.sub):
            return None
        if there is not None and contact == said_in(there):
            return None
        refuse_statement_without_word(to.officer, existing, known.mandates.get(existing.uscc))
        after(existing.status, Step.WITHDRAW)
        return contact

    def _end_determination(
        self, existing: Application, changed: Mapping[str, Any], to: Assignment
    ) -> None:
        if existing.size_determination is None or SIZED_BY.isdisjoint(changed):
            return
        existing.size_determination = None
        self._record(
            existing,
            "size_determination_lapsed",
            to,
            reason="划型所依据的事实已修改。",
            facts=sorted(SIZED_BY.intersection(changed)),
        )

    def _put_contact(
        self, contact: NewContact, existing: Application, known: _Known, to: Assignment
    ) -> None:
        now = self._clock.now()
        there = known.contacts.get(existing.id)
        if there is None:
            self._contacts.add(contact.row(existing.id, given_by=to.officer.sub, given_at=now))
        else:
            there.name, there.position = contact.name, contact.position
            there.phone, there.email = contact.phone, contact.email
            there.given_at = now
        self._record(existing, "contact_changed", to)

    def _provenance(self, names: Iterable[str], to: Assignment) -> dict[str, dict[str, str]]:
        given = given_by(to.officer, self._clock.now(), import_id=str(to.of.id))
        return dict.fromkeys(names, given)

    def _record(
        self,
        of: Application,
        action: str,
        to: Assignment,
        *,
        reason: str | None = None,
        **data: Any,
    ) -> None:
        self._journal.record(
            HistoryEntry(
                subject_type="application",
                subject_id=of.id,
                action=action,
                actor=to.officer,
                uscc=of.uscc,
                reason=reason,
                policy_pack=of.policy_pack,
                data={"status": of.status.value, "import_id": str(to.of.id), **data},
            )
        )


class _RowRefused(Exception):
    def __init__(self, problem: CellProblem) -> None:
        super().__init__(problem.detail.en)
        self.problem = problem


def _in_cell(row: RowRead, name: str, code: str, detail: Text) -> CellProblem:
    column = row.columns.get(name)
    return CellProblem(
        row=row.number,
        column="" if column is None else column.letter,
        name=name,
        label=name if column is None else column.label,
        code=code,
        detail=detail,
    )


def _whole_row(row: RowRead, code: str, detail: Text) -> CellProblem:
    return CellProblem(row=row.number, column="", name="", label="", code=code, detail=detail)


def _held(rows: Sequence[Holding]) -> list[HeldTitle]:
    return [held_title(row) for row in rows]


def _by_enterprise(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.uscc, []).append(row)
    return found
