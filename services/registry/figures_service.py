"""What an enterprise's figures are: kept from applications, reported each year, and watched."""

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.applications import ApplicationSubmitted
from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, system_actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.problems import CursorInvalid
from services.kernel.regions import prefix_of
from services.kernel.text import Text
from services.policy import credit_code, eligibility
from services.policy.catalogue import Catalogue
from services.policy.enterprise_size import Size, SizeDetermination
from services.policy.facts import FactValue
from services.policy.matter import Finding
from services.policy.pack import Duty, Pack
from services.registry.following_models import FigureSheet, Origin
from services.registry.following_problems import (
    AnnualReportMadeAlready,
    AnnualReportNotAcceptable,
    AnnualReportNothingToCorrect,
    AnnualReportWithoutRules,
    AnnualReportYearNotPossible,
)
from services.registry.following_repository import FigureRepository, LatestFigures, YearFigures
from services.registry.models import Enterprise, Recognition
from services.registry.problems import EnterpriseNotFound
from services.registry.recognition_repository import RecognitionRepository
from services.registry.repository import EnterpriseRepository
from services.registry.standing import NO_RENEWALS, standing
from services.registry.workflow import COUNTS

OLDEST_REPORT = 10
"""In years before this one."""
YEARLY_UPDATE = "yearly_update"
"""The duty of a pack to report every year."""
KEPT_ELSEWHERE = frozenset(
    {"legal_name", "uscc", "registered_division", "applying_division", "is_secret_involved"}
)
"""Who an enterprise is and where is changed by an officer (变更), never by a report of figures."""
MOST_LOOKED_AT = 500
"""Holders that one page of early warnings judges at most."""
_LOOKED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class SheetRead:
    """One sheet, with what follows from it and from the others of its enterprise."""

    sheet: FigureSheet
    is_correction: bool
    due_on: date | None
    """The last day for the report of its year; None where no law in force sets one."""
    duty_clause: str | None
    is_late: bool
    """Whether the year was first reported after that day."""
    revenue_growth: Decimal | None
    rd_growth: Decimal | None


@dataclass(frozen=True, slots=True)
class TitleAtRisk:
    """A title that would not be renewed on today's figures, and why."""

    recognition: Recognition
    name: Text
    failed: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class FigureWarning:
    enterprise: Enterprise
    figures: LatestFigures | None
    is_figures_missing: bool
    titles: Sequence[TitleAtRisk]


class FigureService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._figures = FigureRepository(session)
        self._enterprises = EnterpriseRepository(session)
        self._recognitions = RecognitionRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def keep_application(self, event: ApplicationSubmitted) -> None:
        """Keep the figures that an application was submitted with; told twice, they are kept once."""
        if event.uscc is None or event.region is None:
            raise ValueError(f"application {event.application_id} names no enterprise or division")
        await self._figures.lock(event.uscc)
        if await self._figures.is_kept(event.application_id, event.submission_number):
            return
        fiscal_year = event.facts.get("fiscal_year")
        determined = event.size_determination
        await self._figures.add(
            FigureSheet(
                id=new_id(),
                uscc=event.uscc,
                division=event.region,
                is_secret=event.is_secret,
                origin=Origin.APPLICATION,
                fiscal_year=fiscal_year if isinstance(fiscal_year, int) else None,
                reported_on=event.submitted_on,
                recorded_at=self._clock.now(),
                recorded_by=system_actor("applications").as_record(),
                application_id=event.application_id,
                submission_number=event.submission_number,
                round_code=event.round_code,
                title=event.title,
                kind=event.kind,
                policy_pack=event.policy_pack,
                titles_held=event.titles_held,
                determined_size=determined.size if determined is not None else None,
                facts=event.facts,
            )
        )

    async def report(
        self,
        uscc: str,
        *,
        fiscal_year: int,
        facts: Mapping[str, JsonValue],
        correction_reason: str | None,
        reporter: Actor,
    ) -> SheetRead:
        """Report a year's figures once; with a reason, correct them by another sheet."""
        enterprise = await self._in_charge(uscc, reporter)
        today = self._clock.today()
        _require_reportable(fiscal_year, today)
        pack = await self._pack_to_read_by(enterprise, today)
        values = _read(pack, facts, fiscal_year, reporter)
        await self._figures.lock(enterprise.uscc)
        is_correction = await self._figures.is_reported(enterprise.uscc, fiscal_year)
        if is_correction and correction_reason is None:
            raise AnnualReportMadeAlready
        if correction_reason is not None and not is_correction:
            raise AnnualReportNothingToCorrect
        sheet = FigureSheet(
            id=new_id(),
            uscc=enterprise.uscc,
            division=enterprise.division,
            is_secret=enterprise.is_secret,
            origin=Origin.ANNUAL_REPORT,
            fiscal_year=fiscal_year,
            reported_on=today,
            recorded_at=self._clock.now(),
            recorded_by=reporter.as_record(),
            policy_pack=pack.name,
            titles_held=[],
            facts=values,
        )
        await self._figures.add(sheet)
        [read] = await self._read_sheets([sheet], enterprise)
        self._journal.record(
            HistoryEntry(
                subject_type="figure_sheet",
                subject_id=sheet.id,
                action="corrected" if is_correction else "reported",
                actor=reporter,
                uscc=enterprise.uscc,
                reason=correction_reason,
                clause=read.duty_clause,
                policy_pack=pack.name,
                data={
                    "fiscal_year": fiscal_year,
                    "due_on": None if read.due_on is None else read.due_on.isoformat(),
                    "is_late": read.is_late,
                },
            )
        )
        return read

    async def page(self, uscc: str, reader: Actor, page: Paging) -> Found[SheetRead]:
        """Return an enterprise's sheets, the newest first; its own, or those of its offices."""
        enterprise = await self._in_charge(uscc, reader)
        found = await self._figures.page(enterprise.uscc, page)
        return Found(await self._read_sheets(found.items, enterprise), found.next)

    async def warnings(
        self, reader: Actor, page: Paging, *, region: str | None, title: str | None
    ) -> Found[FigureWarning]:
        """Return whose title would not be renewed on its latest figures, or who gave none for long.

        It is worked out when it is asked. A page ends when it is full, or when so many holders were
        looked at; either way it says where to go on.
        """
        place = _place_of(page)
        found: list[FigureWarning] = []
        for _ in range(MOST_LOOKED_AT // _LOOKED_AT_ONCE):
            holders = await self._figures.holders(
                reader, after=place, limit=_LOOKED_AT_ONCE, region=region, title=title
            )
            latest = await self._figures.latest_of([one.uscc for one in holders])
            for holder in holders:
                if len(found) == page.limit:
                    return Found(found, place)
                warning = self._warning(holder, latest.get(holder.uscc), title)
                if warning is not None:
                    found.append(warning)
                place = holder.uscc
            if len(holders) < _LOOKED_AT_ONCE:
                return Found(found, None)
        return Found(found, place)

    async def _in_charge(self, uscc: str, actor: Actor) -> Enterprise:
        found = await self._enterprises.in_charge(credit_code.normalise(uscc), actor)
        if found is None:
            raise EnterpriseNotFound
        return found

    async def _pack_to_read_by(self, enterprise: Enterprise, today: date) -> Pack:
        """Return the pack of the highest title that runs, else the nearest one in force."""
        held = [
            (one, self._catalogue.pack(one.policy_pack))
            for one in await self._recognitions.running(enterprise.uscc)
        ]
        if held:
            # National titles rank among themselves: of two equals the wider law's is the higher.
            _, pack = max(
                held,
                key=lambda one: (
                    one[0].title_rank,
                    -len(prefix_of(one[1].jurisdiction)),
                    one[0].id,
                ),
            )
            return pack
        in_force = self._catalogue.in_force(enterprise.division, today)
        if not in_force:
            raise AnnualReportWithoutRules
        return in_force[0]

    async def _read_sheets(
        self, sheets: Sequence[FigureSheet], enterprise: Enterprise
    ) -> list[SheetRead]:
        known: dict[int, YearFigures] = {}
        first_reports: dict[int, YearFigures] = {}
        for one in await self._figures.years(enterprise.uscc):
            known[one.fiscal_year] = one
            if one.origin is Origin.ANNUAL_REPORT:
                first_reports.setdefault(one.fiscal_year, one)
        return [
            self._read_sheet(
                sheet,
                first_report=(
                    first_reports.get(sheet.fiscal_year or 0)
                    if sheet.origin is Origin.ANNUAL_REPORT
                    else None
                ),
                before=known.get((sheet.fiscal_year or 0) - 1),
            )
            for sheet in sheets
        ]

    def _read_sheet(
        self, sheet: FigureSheet, *, first_report: YearFigures | None, before: YearFigures | None
    ) -> SheetRead:
        duty, due_on = None, None
        if first_report is not None:
            duty = self._yearly_duty(sheet.division, first_report.reported_on)
            if duty is not None and duty.every_year_by is not None:
                due_on = due_day(duty.every_year_by, first_report.fiscal_year)
        return SheetRead(
            sheet=sheet,
            is_correction=first_report is not None and first_report.id != sheet.id,
            due_on=due_on,
            duty_clause=None if duty is None else duty.clause,
            is_late=(
                first_report is not None
                and due_on is not None
                and due_on < first_report.reported_on
            ),
            revenue_growth=growth(
                _amount(sheet, "operating_revenue"),
                _amount(sheet, "previous_operating_revenue")
                if before is None or before.operating_revenue is None
                else before.operating_revenue,
            ),
            rd_growth=growth(
                _amount(sheet, "rd_expense"),
                _amount(sheet, "previous_rd_expense")
                if before is None or before.rd_expense is None
                else before.rd_expense,
            ),
        )

    def _yearly_duty(self, division: str, on: date) -> Duty | None:
        duties = (duty for pack in self._catalogue.in_force(division, on) for duty in pack.duties)
        return next((duty for duty in duties if duty.id == YEARLY_UPDATE), None)

    def _warning(
        self, holder: Enterprise, figures: LatestFigures | None, title: str | None
    ) -> FigureWarning | None:
        today = self._clock.today()
        standings = [standing(one, NO_RENEWALS, today) for one in holder.recognitions]
        titles_held = {
            one.recognition.title for one in standings if one is not None and one.status in COUNTS
        }
        risks = [
            self._risk(one, figures, titles_held, today)
            for one in holder.recognitions
            if one.revoked_on is None and one.transferred_on is None and title in {None, one.title}
        ]
        at_risk = [risk for risk in risks if risk is not None]
        last_closed_year = today.year - 1
        year = None if figures is None else figures.fiscal_year
        is_missing = year is None or year < last_closed_year - 1
        if not at_risk and not is_missing:
            return None
        return FigureWarning(holder, figures, is_missing, at_risk)

    def _risk(
        self,
        of: Recognition,
        figures: LatestFigures | None,
        titles_held: Iterable[str],
        today: date,
    ) -> TitleAtRisk | None:
        pack = self._catalogue.pack(of.policy_pack)
        # Of a title that the ministry confers, the province's law sets no condition of its own.
        if figures is None or of.title not in pack.applied_for:
            return None
        judged = eligibility.check(
            pack,
            title=of.title,
            # Another pack may have read them: what this one does not know is left out.
            facts=pack.check_facts(figures.facts).values,
            on=today,
            kind="renewal",
            titles_held=titles_held,
            size=_determined(figures.determined_size),
        )
        if not judged.failed:
            return None
        return TitleAtRisk(of, pack.title_named(of.title).name, judged.failed)


def due_day(every_year_by: str, fiscal_year: int) -> date:
    """Return a yearly duty's last day (MM-DD) for a fiscal year: a day of the year after it.

    The last of February is the 29th only in a leap year.
    """
    year = fiscal_year + 1
    month, day = map(int, every_year_by.split("-"))
    return date(year, month, min(day, monthrange(year, month)[1]))


def growth(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    """Return by how many percent a figure grew, to two places; None without a base above zero."""
    if now is None or before is None or before <= 0:
        return None
    # Amounts have 18 digits at most, so a quotient of 28 is never on the wrong side of a half.
    percent = ((now - before) * 100 / before).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return percent + 0


def _require_reportable(fiscal_year: int, today: date) -> None:
    if today.year - OLDEST_REPORT <= fiscal_year < today.year:
        return
    text = Text(
        f"今天可报告 {today.year - OLDEST_REPORT} 至 {today.year - 1} 年度。",
        f"Today the years {today.year - OLDEST_REPORT} to {today.year - 1} can be reported.",
    )
    raise AnnualReportYearNotPossible(errors=[("/fiscal_year", "year_not_possible", text)])


def _read(
    pack: Pack, facts: Mapping[str, JsonValue], fiscal_year: int, reporter: Actor
) -> dict[str, FactValue]:
    checked = pack.check_facts(facts)
    errors = [(one.pointer, one.code, one.detail) for one in checked.problems]
    for name in checked.values:
        if name in KEPT_ELSEWHERE:
            text = Text(
                "企业名称、代码、所属地与涉密情况不由年度报告变更。",
                "A report of figures does not change who the enterprise is or where.",
            )
            errors.append((f"/facts/{name}", "kept_elsewhere", text))
        elif reporter.uscc is not None and pack.facts[name].is_imported:
            text = Text(
                "此项由主管部门自平台或登记机关导入，企业不能自行填报。",
                "An office imports this from a platform or register; an enterprise does not state it.",
            )
            errors.append((f"/facts/{name}", "imported", text))
    if checked.values.get("fiscal_year", fiscal_year) != fiscal_year:
        text = Text("与报告年度不一致。", "It is not the year of the report.")
        errors.append(("/facts/fiscal_year", "differs", text))
    if errors:
        raise AnnualReportNotAcceptable(errors=errors)
    return checked.values | {"fiscal_year": fiscal_year}


def _amount(sheet: FigureSheet, fact: str) -> Decimal | None:
    value = sheet.facts.get(fact)
    return Decimal(value) if isinstance(value, str) else None


def _determined(size: str | None) -> SizeDetermination | None:
    return None if size is None else SizeDetermination(Size(size), "申报时主管部门的认定")


def _place_of(page: Paging) -> str:
    """Return the credit code after which to go on. Raises `CursorInvalid`."""
    if page.after is None:
        return ""
    if not credit_code.is_valid(page.after):
        raise CursorInvalid
    return credit_code.normalise(page.after)
