"""The registry's routes for what is followed between two recognitions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response

from services.kernel.identity.access import Access
from services.kernel.identity.actor import Actor, Office, Scope
from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import tag, version_in
from services.kernel.problems import (
    CursorInvalid,
    NotAllowed,
    PreconditionRequired,
    Stale,
    documented,
)
from services.kernel.schemas import DivisionCode, ProgrammeDay
from services.kernel.text import text_out
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    TransactionalRoute,
)
from services.registry.access import Anyone, InCharge, Keeper
from services.registry.dependencies import CurrentCatalogue, TitleFilter, Uscc
from services.registry.figures_service import FigureService, FigureWarning, SheetRead
from services.registry.following_models import (
    Evaluation,
    Examination,
    Finding,
    LibraryStep,
    SupportRecord,
    TypicalCase,
)
from services.registry.following_problems import (
    AnnualReportMadeAlready,
    AnnualReportNotAcceptable,
    AnnualReportNothingToCorrect,
    AnnualReportWithoutRules,
    AnnualReportYearNotPossible,
    DayToCome,
    ExaminationConcluded,
    ExaminationNotFound,
    FindingKnownAlready,
    FocusFieldDiffers,
    FocusFieldUnknown,
    LibraryDayNotPossible,
    LibraryEntryNotFound,
    LibraryNotMember,
    TypicalCaseChosenAlready,
    TypicalCaseNeedsTitle,
)
from services.registry.following_repository import SupportTotal
from services.registry.following_schemas import (
    AnnualReportIn,
    AnnualReportOut,
    EvaluationIn,
    EvaluationOut,
    ExaminationConclusionIn,
    ExaminationOut,
    FigureWarningConditionOut,
    FigureWarningOut,
    FigureWarningTitleOut,
    LibraryDepartureIn,
    LibraryEntryIn,
    LibraryMemberOut,
    LibraryRecordOut,
    LibraryStepOut,
    PublicTypicalCaseOut,
    RevocationFindingIn,
    RevocationFindingOut,
    SupportMeasureTotalOut,
    SupportRecordIn,
    SupportRecordOut,
    SupportTotalsOut,
    TypicalCaseIn,
    TypicalCaseOut,
    Year,
)
from services.registry.following_service import (
    CaseGiven,
    EntryGiven,
    EvaluationGiven,
    ExaminationService,
    FindingGiven,
    FollowingService,
    LibraryRecord,
    LibraryService,
    SupportGiven,
)
from services.registry.measures import Measure
from services.registry.models import Enterprise, Recognition
from services.registry.problems import (
    CreditCodeNotValid,
    EnterpriseNotFound,
    NameDiffers,
    OtherDivision,
    UnknownDivision,
    UnknownGround,
)

router = APIRouter(route_class=TransactionalRoute)

Reporter = Annotated[
    Actor,
    Depends(
        Access(Scope.REGISTRY_WRITE, Office.ENTERPRISE, Office.COUNTY, Office.CITY, Office.PROVINCE)
    ),
]
"""The enterprise itself, or an office of its division."""
Assessor = Annotated[
    Actor, Depends(Access(Scope.REGISTRY_WRITE, Office.EVALUATOR, Office.PROVINCE))
]
EvaluationReader = Annotated[
    Actor,
    Depends(
        Access(
            Scope.REGISTRY_READ,
            Office.ENTERPRISE,
            Office.COUNTY,
            Office.CITY,
            Office.PROVINCE,
            Office.EVALUATOR,
            Office.AUDITOR,
        )
    ),
]
Supporter = Annotated[
    Actor, Depends(Access(Scope.REGISTRY_WRITE, Office.COUNTY, Office.CITY, Office.PROVINCE))
]
Cultivator = Annotated[Actor, Depends(Access(Scope.REGISTRY_WRITE, Office.CITY, Office.PROVINCE))]
LibraryReader = Annotated[
    Actor, Depends(Access(Scope.REGISTRY_READ, Office.CITY, Office.PROVINCE, Office.AUDITOR))
]
LibraryRecordReader = Annotated[
    Actor,
    Depends(
        Access(Scope.REGISTRY_READ, Office.ENTERPRISE, Office.CITY, Office.PROVINCE, Office.AUDITOR)
    ),
]
"""A city reads its own library, and an enterprise what is on record of itself."""
OfficeInCharge = Annotated[
    Actor,
    Depends(
        Access(Scope.REGISTRY_READ, Office.COUNTY, Office.CITY, Office.PROVINCE, Office.AUDITOR)
    ),
]


async def _figure_service(
    session: CurrentSession,
    journal: CurrentJournal,
    clock: CurrentClock,
    catalogue: CurrentCatalogue,
) -> FigureService:
    return FigureService(session, journal, clock, catalogue)


async def _following_service(
    session: CurrentSession,
    journal: CurrentJournal,
    clock: CurrentClock,
    catalogue: CurrentCatalogue,
) -> FollowingService:
    return FollowingService(session, journal, clock, catalogue)


async def _library_service(
    session: CurrentSession,
    journal: CurrentJournal,
    clock: CurrentClock,
    catalogue: CurrentCatalogue,
) -> LibraryService:
    return LibraryService(session, journal, clock, catalogue)


async def _examination_service(
    session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> ExaminationService:
    return ExaminationService(session, journal, clock)


Figures = Annotated[FigureService, Depends(_figure_service)]
Following = Annotated[FollowingService, Depends(_following_service)]
Library = Annotated[LibraryService, Depends(_library_service)]
Examinations = Annotated[ExaminationService, Depends(_examination_service)]


@router.post(
    "/enterprises/{uscc}/annual-reports",
    status_code=201,
    tags=["following"],
    summary="提交年度报告 · Report a year's figures",
    responses=documented(
        NotAllowed,
        EnterpriseNotFound,
        AnnualReportMadeAlready,
        AnnualReportNothingToCorrect,
        AnnualReportWithoutRules,
        AnnualReportYearNotPossible,
        AnnualReportNotAcceptable,
    ),
)
async def report_year(
    uscc: Uscc, body: AnnualReportIn, reporter: Reporter, figures: Figures
) -> AnnualReportOut:
    """Report the figures of a year that is over. A correction says why, and overwrites nothing."""
    return _report_out(
        await figures.report(
            uscc,
            fiscal_year=body.fiscal_year,
            facts=body.facts,
            correction_reason=body.correction_reason,
            reporter=reporter,
        )
    )


@router.get(
    "/enterprises/{uscc}/annual-reports",
    tags=["following"],
    summary="查询年度数据 · List an enterprise's figures",
    responses=documented(NotAllowed, EnterpriseNotFound, CursorInvalid),
)
async def list_annual_reports(
    uscc: Uscc, reader: InCharge, figures: Figures, page: PageOf
) -> PageOut[AnnualReportOut]:
    """List all figures, from reports and applications, the newest first, with their growth."""
    found = await figures.page(uscc, reader, page)
    return PageOut(items=[_report_out(one) for one in found.items], next=found.next)


@router.get(
    "/early-warnings",
    tags=["following"],
    summary="查询预警 · List who would not be renewed today",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_early_warnings(
    reader: InCharge,
    figures: Figures,
    page: PageOf,
    region: DivisionCode | None = None,
    title: TitleFilter = None,
) -> PageOut[FigureWarningOut]:
    """List holders whose latest figures fail a condition of renewal, or are missing, by code.

    It is worked out when it is asked. A page may have fewer items than its limit, or none, while
    there is a next one.
    """
    found = await figures.warnings(reader, page, region=region, title=title)
    return PageOut(items=[_warning_out(one) for one in found.items], next=found.next)


@router.post(
    "/enterprises/{uscc}/evaluations",
    status_code=201,
    tags=["following"],
    summary="登记综合评价 · Record an evaluation",
    responses=documented(NotAllowed, EnterpriseNotFound, DayToCome),
)
async def record_evaluation(
    uscc: Uscc, body: EvaluationIn, assessor: Assessor, following: Following
) -> EvaluationOut:
    """Record what an agency that the province commissioned found of an enterprise's development."""
    given = EvaluationGiven(**dict(body))
    return EvaluationOut.model_validate(await following.record_evaluation(uscc, given, assessor))


@router.get(
    "/enterprises/{uscc}/evaluations",
    tags=["following"],
    summary="查询综合评价 · List an enterprise's evaluations",
    responses=documented(NotAllowed, EnterpriseNotFound, CursorInvalid),
)
async def list_evaluations(
    uscc: Uscc, reader: EvaluationReader, following: Following, page: PageOf
) -> PageOut[EvaluationOut]:
    found = await following.page_of(Evaluation, uscc, reader, page)
    return PageOut(
        items=[EvaluationOut.model_validate(one) for one in found.items], next=found.next
    )


@router.post(
    "/enterprises/{uscc}/support-records",
    status_code=201,
    tags=["following"],
    summary="登记扶持 · Record support that was delivered",
    responses=documented(NotAllowed, EnterpriseNotFound, DayToCome),
)
async def record_support(
    uscc: Uscc, body: SupportRecordIn, officer: Supporter, following: Following
) -> SupportRecordOut:
    """Record what an enterprise was given under one of the five measures of chapter 五."""
    record = await following.record_support(uscc, SupportGiven(**dict(body)), officer)
    enterprises = await following.enterprises_of([record])
    return _support_out(record, enterprises[record.uscc])


@router.get(
    "/enterprises/{uscc}/support-records",
    tags=["following"],
    summary="查询企业所获扶持 · List what an enterprise was given",
    responses=documented(NotAllowed, EnterpriseNotFound, CursorInvalid),
)
async def list_support_of_enterprise(
    uscc: Uscc, reader: InCharge, following: Following, page: PageOf
) -> PageOut[SupportRecordOut]:
    found = await following.page_of(SupportRecord, uscc, reader, page)
    enterprises = await following.enterprises_of(found.items)
    return PageOut(
        items=[_support_out(one, enterprises[one.uscc]) for one in found.items], next=found.next
    )


@router.get(
    "/support-records",
    tags=["following"],
    summary="查询扶持 · List support that was delivered",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_support(
    reader: InCharge,
    following: Following,
    page: PageOf,
    region: DivisionCode | None = None,
    measure: Measure | None = None,
    year: Year | None = None,
) -> PageOut[SupportRecordOut]:
    """List what was delivered in the caller's charge, the latest day first."""
    found = await following.support(reader, page, region=region, measure=measure, year=year)
    enterprises = await following.enterprises_of(found.items)
    return PageOut(
        items=[_support_out(one, enterprises[one.uscc]) for one in found.items], next=found.next
    )


@router.get(
    "/support-records/totals",
    tags=["following"],
    summary="汇总扶持 · Add up support by measure",
    responses=documented(NotAllowed),
)
async def total_support(
    reader: InCharge,
    following: Following,
    year: Year | None = None,
    region: DivisionCode | None = None,
) -> SupportTotalsOut:
    """Add up what was delivered in the caller's charge, for each of the five measures."""
    found = await following.support_totals(reader, region=region, year=year)
    return SupportTotalsOut(
        year=year, region=region, measures=[_support_total_out(one) for one in found]
    )


@router.post(
    "/enterprises/{uscc}/cases",
    status_code=201,
    tags=["following"],
    summary="遴选典型案例 · Choose an example of the year",
    responses=documented(
        NotAllowed, EnterpriseNotFound, DayToCome, TypicalCaseChosenAlready, TypicalCaseNeedsTitle
    ),
)
async def choose_typical_case(
    uscc: Uscc, body: TypicalCaseIn, officer: Keeper, following: Following
) -> TypicalCaseOut:
    """Choose an enterprise as an example of the year; it holds a valid title on that day."""
    chosen = await following.choose_case(uscc, CaseGiven(**dict(body)), officer)
    enterprises = await following.enterprises_of([chosen])
    return _case_out(chosen, enterprises[chosen.uscc])


@router.get(
    "/enterprises/{uscc}/cases",
    tags=["following"],
    summary="查询企业典型案例 · List the years of which an enterprise is an example",
    responses=documented(NotAllowed, EnterpriseNotFound, CursorInvalid),
)
async def list_typical_cases(
    uscc: Uscc, reader: InCharge, following: Following, page: PageOf
) -> PageOut[TypicalCaseOut]:
    found = await following.page_of(TypicalCase, uscc, reader, page)
    enterprises = await following.enterprises_of(found.items)
    return PageOut(
        items=[_case_out(one, enterprises[one.uscc]) for one in found.items], next=found.next
    )


@router.get(
    "/public/typical-cases",
    tags=["public"],
    summary="查询公开典型案例 · List examples of the year in public",
    responses=documented(CursorInvalid),
)
async def list_public_typical_cases(
    anyone: Anyone, following: Following, page: PageOf, year: Year | None = None
) -> PageOut[PublicTypicalCaseOut]:
    """List examples of the year, the newest first. Secret-involved enterprises are not among them."""
    found = await following.public_cases(anyone, page, year=year)
    enterprises = await following.enterprises_of(found.items)
    return PageOut(
        items=[_public_case_out(one, enterprises[one.uscc]) for one in found.items],
        next=found.next,
    )


@router.put(
    "/cultivation-library/{uscc}",
    tags=["cultivation library"],
    summary="纳入培育库 · Take an enterprise into the library",
    responses={
        201: {"model": LibraryRecordOut, "description": "已入库 · It has entered."},
        **documented(
            NotAllowed,
            EnterpriseNotFound,
            CreditCodeNotValid,
            UnknownDivision,
            FocusFieldUnknown,
            DayToCome,
            NameDiffers,
            OtherDivision,
            FocusFieldDiffers,
            LibraryDayNotPossible,
            PreconditionRequired,
            Stale,
        ),
    },
)
async def enter_library(
    uscc: Uscc,
    body: LibraryEntryIn,
    officer: Cultivator,
    library: Library,
    response: Response,
    tag_read: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="曾出库的企业再次入库时必填：读取时返回的 ETag。Needed where it has left before: the ETag"
            " that you read.",
        ),
    ] = None,
) -> LibraryRecordOut:
    """Take an enterprise into its city's library: 201 when it enters, 200 when it is in already.

    Who has left enters again with `If-Match`.
    """
    record, is_new = await library.enter(
        uscc,
        EntryGiven(**dict(body)),
        officer,
        version_read=None if tag_read is None else version_in(tag_read),
    )
    response.status_code = 201 if is_new else 200
    tag(response, record.version)
    return _library_out(record)


@router.post(
    "/cultivation-library/{uscc}/departure",
    status_code=201,
    tags=["cultivation library"],
    summary="移出培育库 · Let an enterprise leave the library",
    responses=documented(
        NotAllowed, LibraryEntryNotFound, LibraryNotMember, LibraryDayNotPossible, DayToCome
    ),
)
async def leave_library(
    uscc: Uscc,
    body: LibraryDepartureIn,
    officer: Cultivator,
    library: Library,
    response: Response,
) -> LibraryRecordOut:
    """Let an enterprise leave the caller's library; the province, whatever library it is in."""
    record = await library.leave(uscc, reason=body.reason, left_on=body.left_on, officer=officer)
    tag(response, record.version)
    return _library_out(record)


@router.get(
    "/cultivation-library",
    tags=["cultivation library"],
    summary="查询培育库 · List who is in the library",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_library(
    reader: LibraryReader,
    library: Library,
    page: PageOf,
    region: DivisionCode | None = None,
    focus_field: Annotated[str | None, Query(max_length=60)] = None,
    on: ProgrammeDay | None = None,
) -> PageOut[LibraryMemberOut]:
    """List who was in the caller's library on a day (today), by credit code."""
    found, enterprises = await library.members(
        reader, page, on=on, region=region, focus_field=focus_field
    )
    return PageOut(
        items=[_member_out(one, enterprises[one.uscc]) for one in found.items], next=found.next
    )


@router.get(
    "/cultivation-library/{uscc}",
    tags=["cultivation library"],
    summary="查看入库沿革 · Read an enterprise's entries and departures",
    responses=documented(NotAllowed, LibraryEntryNotFound),
)
async def read_library_record(
    uscc: Uscc, reader: LibraryRecordReader, library: Library, response: Response
) -> LibraryRecordOut:
    """Return every entry and departure in the libraries that the caller sees."""
    record = await library.find(uscc, reader)
    tag(response, record.version)
    return _library_out(record)


@router.post(
    "/enterprises/{uscc}/findings",
    status_code=201,
    tags=["following"],
    summary="登记查实结论 · Record what was established",
    responses=documented(
        NotAllowed, EnterpriseNotFound, UnknownGround, FindingKnownAlready, DayToCome
    ),
)
async def record_finding(
    uscc: Uscc, body: RevocationFindingIn, officer: Keeper, following: Following
) -> RevocationFindingOut:
    """Record that a false declaration or a violation was established (查实), by a numbered paper."""
    given = FindingGiven(**dict(body))
    return RevocationFindingOut.model_validate(await following.record_finding(uscc, given, officer))


@router.get(
    "/enterprises/{uscc}/findings",
    tags=["following"],
    summary="查询查实结论 · List what was established",
    responses=documented(NotAllowed, EnterpriseNotFound, CursorInvalid),
)
async def list_findings(
    uscc: Uscc, reader: InCharge, following: Following, page: PageOf
) -> PageOut[RevocationFindingOut]:
    found = await following.page_of(Finding, uscc, reader, page)
    return PageOut(
        items=[RevocationFindingOut.model_validate(one) for one in found.items], next=found.next
    )


@router.get(
    "/examinations",
    tags=["following"],
    summary="查询须审查的称号 · List titles to examine",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_examinations(
    reader: OfficeInCharge,
    examinations: Examinations,
    page: PageOf,
    is_open: Annotated[
        bool | None, Query(alias="open", description="是否尚未办结。Whether still to be concluded.")
    ] = None,
    region: DivisionCode | None = None,
) -> PageOut[ExaminationOut]:
    """List titles to look at because another of the enterprise was revoked for cause."""
    found = await examinations.page(reader, page, is_open=is_open, region=region)
    recognitions = await examinations.recognitions_of(found.items)
    return PageOut(
        items=[
            _examination_out(one, recognitions[one.recognition_id], recognitions[one.because_of])
            for one in found.items
        ],
        next=found.next,
    )


@router.post(
    "/examinations/{examination_id}/conclusion",
    status_code=201,
    tags=["following"],
    summary="办结审查，保留称号 · Conclude that a title stays",
    responses=documented(NotAllowed, ExaminationNotFound, ExaminationConcluded),
)
async def conclude_examination(
    examination_id: UUID,
    body: ExaminationConclusionIn,
    officer: Keeper,
    examinations: Examinations,
) -> ExaminationOut:
    """Conclude that the title stays. One that goes is revoked, which concludes it by itself."""
    concluded = await examinations.keep_title(
        examination_id,
        reason=body.reason,
        document_number=body.document_number,
        officer=officer,
    )
    recognitions = await examinations.recognitions_of([concluded])
    return _examination_out(
        concluded, recognitions[concluded.recognition_id], recognitions[concluded.because_of]
    )


def _report_out(of: SheetRead) -> AnnualReportOut:
    sheet = of.sheet
    return AnnualReportOut(
        id=sheet.id,
        uscc=sheet.uscc,
        origin=sheet.origin,
        fiscal_year=sheet.fiscal_year,
        reported_on=sheet.reported_on,
        recorded_at=sheet.recorded_at,
        recorded_by=sheet.recorded_by["sub"],
        is_latest=sheet.is_latest,
        is_correction=of.is_correction,
        due_on=of.due_on,
        duty_clause=of.duty_clause,
        is_late=of.is_late,
        policy_pack=sheet.policy_pack,
        facts=sheet.facts,
        revenue_growth=of.revenue_growth,
        rd_growth=of.rd_growth,
    )


def _warning_out(of: FigureWarning) -> FigureWarningOut:
    return FigureWarningOut(
        uscc=of.enterprise.uscc,
        legal_name=of.enterprise.legal_name,
        division=of.enterprise.division,
        fiscal_year=None if of.figures is None else of.figures.fiscal_year,
        reported_on=None if of.figures is None else of.figures.reported_on,
        is_figures_missing=of.is_figures_missing,
        titles=[
            FigureWarningTitleOut(
                recognition_id=one.recognition.id,
                title=one.recognition.title,
                title_name=text_out(one.name),
                certificate_number=one.recognition.certificate_number,
                valid_until=one.recognition.valid_until,
                policy_pack=one.recognition.policy_pack,
                failed=[
                    FigureWarningConditionOut(
                        id=finding.id,
                        clause=finding.clause,
                        text=text_out(finding.text),
                        because=text_out(finding.because),
                    )
                    for finding in one.failed
                ],
            )
            for one in of.titles
        ],
    )


def _support_out(of: SupportRecord, enterprise: Enterprise) -> SupportRecordOut:
    measure = Measure(of.measure)
    return SupportRecordOut(
        id=of.id,
        uscc=of.uscc,
        legal_name=enterprise.legal_name,
        division=enterprise.division,
        measure=measure,
        measure_name=text_out(measure.label),
        clause=measure.clause,
        provider=of.provider,
        description=of.description,
        amount=of.amount,
        delivered_on=of.delivered_on,
        recorded_at=of.recorded_at,
    )


def _support_total_out(of: SupportTotal) -> SupportMeasureTotalOut:
    measure = Measure(of.measure)
    return SupportMeasureTotalOut(
        measure=measure,
        measure_name=text_out(measure.label),
        clause=measure.clause,
        records=of.records,
        enterprises=of.enterprises,
        amount=of.amount,
    )


def _public_case_out(of: TypicalCase, enterprise: Enterprise) -> PublicTypicalCaseOut:
    return PublicTypicalCaseOut(
        year=of.year,
        uscc=of.uscc,
        legal_name=enterprise.legal_name,
        division=enterprise.division,
        heading=of.heading,
        summary=of.summary,
        chosen_on=of.chosen_on,
        document_number=of.document_number,
    )


def _case_out(of: TypicalCase, enterprise: Enterprise) -> TypicalCaseOut:
    return TypicalCaseOut(
        **dict(_public_case_out(of, enterprise)), id=of.id, recorded_at=of.recorded_at
    )


def _library_out(of: LibraryRecord) -> LibraryRecordOut:
    return LibraryRecordOut(
        uscc=of.enterprise.uscc,
        legal_name=of.enterprise.legal_name,
        division=of.enterprise.division,
        focus_field=of.enterprise.focus_field,
        is_member=of.is_member,
        steps=[LibraryStepOut.model_validate(step) for step in of.steps],
    )


def _member_out(of: LibraryStep, enterprise: Enterprise) -> LibraryMemberOut:
    return LibraryMemberOut(
        uscc=of.uscc,
        legal_name=enterprise.legal_name,
        division=enterprise.division,
        focus_field=enterprise.focus_field,
        city=of.city,
        entered_on=of.on_day,
        reason=of.reason,
    )


def _examination_out(
    of: Examination, about: Recognition, because_of: Recognition
) -> ExaminationOut:
    return ExaminationOut(
        id=of.id,
        uscc=about.uscc,
        legal_name=about.enterprise.legal_name,
        division=about.enterprise.division,
        recognition_id=about.id,
        title=about.title,
        certificate_number=about.certificate_number,
        because_of=because_of.id,
        revoked_title=because_of.title,
        revoked_on=because_of.revoked_on,
        finding_number=of.finding_number,
        opened_at=of.opened_at,
        conclusion=of.conclusion,
        concluded_on=of.concluded_on,
        reason=of.reason,
        document_number=of.document_number,
    )
