"""Intake's routes: rounds, applications, eligibility."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.applications.access import (
    Anyone,
    Applicant,
    ApplicationReader,
    RoundKeeper,
    RoundReader,
    SizeOfficer,
)
from services.applications.problems import (
    ApplicationExists,
    ApplicationIncomplete,
    ApplicationInHand,
    ApplicationNotEditable,
    ApplicationNotFound,
    ApplicationNotSubmittable,
    ApplicationNotWithdrawable,
    Excluded,
    ExtensionTooEarly,
    FactNotOpened,
    FactsInvalid,
    NotEligible,
    NothingToRenew,
    NotYourEnterprise,
    RenewalNotOpen,
    RoundClosed,
    RoundCodeTaken,
    RoundNotFound,
    RoundNotOpen,
    TitleHeldAlready,
    UnknownPackOrTitle,
)
from services.applications.schemas import (
    ApplicationIn,
    ApplicationOut,
    ApplicationPatch,
    ClosureIn,
    EligibilityIn,
    EligibilityOut,
    ExtensionIn,
    RoundIn,
    RoundOut,
    SizeDeterminationIn,
    SubmissionsOut,
    WithdrawalIn,
)
from services.applications.service import (
    ApplicationService,
    EligibilityQuestion,
    NewRound,
    RoundService,
    RuleService,
)
from services.applications.views import (
    application_out,
    eligibility_out,
    round_out,
    submissions_out,
)
from services.applications.workflow import ApplicationStatus
from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import VersionRead, tag
from services.kernel.problems import (
    CursorInvalid,
    NotAllowed,
    PreconditionRequired,
    SeparationOfDuties,
    Stale,
    documented,
)
from services.kernel.schemas import DivisionCode
from services.kernel.timeline import TimelineOut, timeline_out
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    QuestionRoute,
    TransactionalRoute,
)
from services.policy.enterprise_size import SizeDetermination

router = APIRouter(route_class=TransactionalRoute)
questions = APIRouter(route_class=QuestionRoute)


async def _round_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> RoundService:
    return RoundService(session, journal, clock, request.app.state.catalogue)


async def _application_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> ApplicationService:
    return ApplicationService(session, journal, clock, request.app.state.catalogue)


async def _rule_service(request: Request, clock: CurrentClock) -> RuleService:
    return RuleService(request.app.state.catalogue, clock)


Rounds = Annotated[RoundService, Depends(_round_service)]
Applications = Annotated[ApplicationService, Depends(_application_service)]
Rules = Annotated[RuleService, Depends(_rule_service)]


@router.post(
    "/rounds",
    status_code=201,
    tags=["rounds"],
    summary="开启申报批次 · Open a round",
    responses=documented(NotAllowed, RoundCodeTaken, UnknownPackOrTitle),
)
async def open_round(
    body: RoundIn, officer: RoundKeeper, rounds: Rounds, response: Response
) -> RoundOut:
    """Announce a round (六(一)): its title, its days in China Standard Time and its packs."""
    opened = await rounds.open_round(
        NewRound(
            code=body.code,
            name=body.name,
            title=body.title,
            new_pack=body.kinds.new,
            renewal_pack=body.kinds.renewal,
            opens_on=body.opens_on,
            closes_on=body.closes_on,
            document_number=body.document_number,
        ),
        officer,
    )
    response.headers["Location"] = f"/api/v1/rounds/{opened.id}"
    tag(response, opened.version)
    return round_out(opened, is_open=rounds.is_open(opened))


@router.get(
    "/rounds",
    tags=["rounds"],
    summary="查询申报批次 · List rounds",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_rounds(_reader: RoundReader, rounds: Rounds, page: PageOf) -> PageOut[RoundOut]:
    """List rounds, the newest first."""
    found = await rounds.page(page)
    return PageOut(
        items=[round_out(one, is_open=rounds.is_open(one)) for one in found.items],
        next=found.next,
    )


@router.get(
    "/rounds/{round_id}",
    tags=["rounds"],
    summary="查看申报批次 · Read a round",
    responses=documented(NotAllowed, RoundNotFound),
)
async def read_round(
    round_id: UUID, _reader: RoundReader, rounds: Rounds, response: Response
) -> RoundOut:
    found = await rounds.find(round_id)
    tag(response, found.version)
    return round_out(found, is_open=rounds.is_open(found))


@router.post(
    "/rounds/{round_id}/extension",
    tags=["rounds"],
    summary="延长申报期限 · Extend a round",
    responses=documented(NotAllowed, RoundNotFound, RoundClosed, ExtensionTooEarly),
)
async def extend_round(
    round_id: UUID, body: ExtensionIn, officer: RoundKeeper, rounds: Rounds, response: Response
) -> RoundOut:
    """Move the closing day to a later one, by a numbered document."""
    extended = await rounds.extend(
        round_id,
        closes_on=body.closes_on,
        document_number=body.document_number,
        reason=body.reason,
        officer=officer,
    )
    tag(response, extended.version)
    return round_out(extended, is_open=rounds.is_open(extended))


@router.post(
    "/rounds/{round_id}/closure",
    tags=["rounds"],
    summary="关闭申报批次 · Close a round",
    responses=documented(NotAllowed, RoundNotFound, RoundClosed),
)
async def close_round(
    round_id: UUID, body: ClosureIn, officer: RoundKeeper, rounds: Rounds, response: Response
) -> RoundOut:
    """Close a round for good; what was submitted stays."""
    closed = await rounds.close(round_id, reason=body.reason, officer=officer)
    tag(response, closed.version)
    return round_out(closed, is_open=rounds.is_open(closed))


@router.post(
    "/applications",
    status_code=201,
    tags=["applications"],
    summary="新建申报草稿 · Start an application",
    responses=documented(
        NotAllowed,
        NotYourEnterprise,
        RoundNotFound,
        RoundNotOpen,
        ApplicationExists,
        TitleHeldAlready,
        NothingToRenew,
        RenewalNotOpen,
        Excluded,
        FactsInvalid,
    ),
)
async def start_application(
    body: ApplicationIn, applicant: Applicant, applications: Applications, response: Response
) -> ApplicationOut:
    """Start a draft in an open round. Facts may be few; what is given is checked at once."""
    draft = await applications.start_draft(
        round_id=body.round_id, kind=body.kind, facts=body.facts, applicant=applicant
    )
    response.headers["Location"] = f"/api/v1/applications/{draft.id}"
    tag(response, draft.version)
    return application_out(draft, applications, applicant)


@router.get(
    "/applications",
    tags=["applications"],
    summary="查询申报 · List applications",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_applications(
    reader: ApplicationReader,
    applications: Applications,
    page: PageOf,
    round_id: UUID | None = None,
    status: ApplicationStatus | None = None,
    region: DivisionCode | None = None,
    uscc: Annotated[str | None, Query(max_length=18)] = None,
) -> PageOut[ApplicationOut]:
    """List the applications that the caller may see, the newest first."""
    found = await applications.page(
        reader, page, round_id=round_id, status=status, region=region, uscc=uscc
    )
    return PageOut(
        items=[application_out(one, applications, reader) for one in found.items],
        next=found.next,
    )


@router.get(
    "/applications/{application_id}",
    tags=["applications"],
    summary="查看申报 · Read an application",
    responses=documented(NotAllowed, ApplicationNotFound),
)
async def read_application(
    application_id: UUID, reader: ApplicationReader, applications: Applications, response: Response
) -> ApplicationOut:
    found = await applications.find(application_id, reader)
    tag(response, found.version)
    return application_out(found, applications, reader)


@router.patch(
    "/applications/{application_id}",
    tags=["applications"],
    summary="修改申报 · Edit an application",
    responses=documented(
        NotAllowed,
        NotYourEnterprise,
        ApplicationNotFound,
        ApplicationNotEditable,
        FactNotOpened,
        FactsInvalid,
        PreconditionRequired,
        Stale,
    ),
)
async def edit_application(
    application_id: UUID,
    body: ApplicationPatch,
    applicant: Applicant,
    applications: Applications,
    version_read: VersionRead,
    response: Response,
) -> ApplicationOut:
    """Merge facts into a draft, or correct what a return opened. Null removes a fact."""
    edited = await applications.edit(
        application_id, facts=body.facts, version_read=version_read, applicant=applicant
    )
    tag(response, edited.version)
    return application_out(edited, applications, applicant)


@router.put(
    "/applications/{application_id}/size-determination",
    tags=["applications"],
    summary="认定企业规模 · Determine an enterprise's size",
    responses=documented(
        NotAllowed,
        SeparationOfDuties,
        ApplicationNotFound,
        ApplicationNotEditable,
        PreconditionRequired,
        Stale,
    ),
)
async def determine_size(
    application_id: UUID,
    body: SizeDeterminationIn,
    officer: SizeOfficer,
    applications: Applications,
    version_read: VersionRead,
    response: Response,
) -> ApplicationOut:
    """Determine the size where the standard leaves it open or other law decides (四.1).

    Before submission, or while returned. A change of the industry or of a figure that sizes ends it.
    """
    determined = await applications.determine_size(
        application_id,
        determination=SizeDetermination(size=body.size, legal_basis=body.legal_basis),
        version_read=version_read,
        officer=officer,
    )
    tag(response, determined.version)
    return application_out(determined, applications, officer)


@router.delete(
    "/applications/{application_id}/size-determination",
    tags=["applications"],
    summary="撤回规模认定 · Take a determination of size back",
    responses=documented(
        NotAllowed,
        SeparationOfDuties,
        ApplicationNotFound,
        ApplicationNotEditable,
        PreconditionRequired,
        Stale,
    ),
)
async def withdraw_size_determination(
    application_id: UUID,
    officer: SizeOfficer,
    applications: Applications,
    version_read: VersionRead,
    response: Response,
) -> ApplicationOut:
    """Let the standard decide again."""
    left = await applications.determine_size(
        application_id, determination=None, version_read=version_read, officer=officer
    )
    tag(response, left.version)
    return application_out(left, applications, officer)


@router.post(
    "/applications/{application_id}/submission",
    tags=["applications"],
    summary="提交申报 · Submit an application",
    responses=documented(
        NotAllowed,
        ApplicationNotFound,
        ApplicationNotSubmittable,
        ApplicationIncomplete,
        ApplicationInHand,
        NotEligible,
        RoundNotOpen,
        TitleHeldAlready,
        NothingToRenew,
        RenewalNotOpen,
        Excluded,
    ),
)
async def submit_application(
    application_id: UUID, applicant: Applicant, applications: Applications, response: Response
) -> ApplicationOut:
    """Freeze the facts with their SHA-256 and hand them to review; also after a correction."""
    submitted = await applications.submit(application_id, applicant)
    tag(response, submitted.version)
    return application_out(submitted, applications, applicant)


@router.post(
    "/applications/{application_id}/withdrawal",
    tags=["applications"],
    summary="撤回申报 · Withdraw an application",
    responses=documented(NotAllowed, ApplicationNotFound, ApplicationNotWithdrawable),
)
async def withdraw_application(
    application_id: UUID,
    body: WithdrawalIn,
    applicant: Applicant,
    applications: Applications,
    response: Response,
) -> ApplicationOut:
    """Take an undecided application back; the enterprise may start another while the round is open."""
    withdrawn = await applications.withdraw(application_id, reason=body.reason, applicant=applicant)
    tag(response, withdrawn.version)
    return application_out(withdrawn, applications, applicant)


@router.get(
    "/applications/{application_id}/submissions",
    tags=["applications"],
    summary="查看历次提交 · Read what was submitted, and what changed",
    responses=documented(NotAllowed, ApplicationNotFound),
)
async def read_submissions(
    application_id: UUID, reader: ApplicationReader, applications: Applications
) -> SubmissionsOut:
    """Return each submission as it was frozen, with what a correction changed since the last."""
    return submissions_out(await applications.submissions(application_id, reader))


@router.get(
    "/applications/{application_id}/timeline",
    tags=["applications"],
    summary="查看办理过程 · Read what happened to an application",
    responses=documented(NotAllowed, ApplicationNotFound),
)
async def read_timeline(
    application_id: UUID, reader: ApplicationReader, applications: Applications
) -> TimelineOut:
    """Return every step with who, what, why and when, and the hash that chains it."""
    rows = await applications.timeline(application_id, reader)
    return TimelineOut(items=timeline_out(rows))


@router.get(
    "/applications/{application_id}/eligibility",
    tags=["eligibility"],
    summary="查看条件符合情况 · Explain an application's eligibility",
    responses=documented(NotAllowed, ApplicationNotFound),
)
async def read_eligibility(
    application_id: UUID, reader: ApplicationReader, applications: Applications
) -> EligibilityOut:
    """Explain every condition of 四 as of today: the clause, the figures, the limit, the verdict."""
    return eligibility_out(await applications.eligibility(application_id, reader))


@questions.post(
    "/eligibility-checks",
    tags=["eligibility"],
    summary="自测是否符合条件 · Check eligibility",
    responses=documented(UnknownPackOrTitle, FactsInvalid),
)
async def check_eligibility(body: EligibilityIn, _anyone: Anyone, rules: Rules) -> EligibilityOut:
    """Explain how an enterprise stands against a pack. Nothing is stored; no login is needed."""
    size = body.size_determination
    return eligibility_out(
        rules.check_eligibility(
            EligibilityQuestion(
                pack=body.pack,
                title=body.title,
                kind=body.kind,
                on=body.on,
                titles_held=body.titles_held,
                size=None if size is None else SizeDetermination(size.size, size.legal_basis),
                facts=body.facts,
            )
        )
    )
