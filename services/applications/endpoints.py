"""Intake's routes for applications (申报) and eligibility."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.applications.access import (
    Anyone,
    Applicant,
    ApplicationReader,
    Enterprise,
    SizeOfficer,
)
from services.applications.contacts import checked_contact
from services.applications.models import Application
from services.applications.problems import (
    ApplicationExists,
    ApplicationIncomplete,
    ApplicationInHand,
    ApplicationNotEditable,
    ApplicationNotFound,
    ApplicationNotSubmittable,
    ApplicationNotWithdrawable,
    ContactInvalid,
    CopyNotPossible,
    EnterpriseWordMissing,
    Excluded,
    FactNotOpened,
    FactsInvalid,
    NotEligible,
    NothingToConfirm,
    NothingToRenew,
    NotInRegister,
    NotYourEnterprise,
    RegisterAway,
    RenewalNotOpen,
    RoundNotFound,
    RoundNotOpen,
    TitleHeldAlready,
    UnknownPackOrTitle,
)
from services.applications.register import RegisterRecord, RegisterUnavailable
from services.applications.rule_service import EligibilityQuestion, RuleService
from services.applications.schemas import (
    ApplicationIn,
    ApplicationOut,
    ApplicationPatch,
    EligibilityIn,
    EligibilityOut,
    PrefillIn,
    PrefillOut,
    SizeDeterminationIn,
    SubmissionsOut,
    WithdrawalIn,
)
from services.applications.service import ApplicationService
from services.applications.views import (
    application_out,
    eligibility_out,
    submissions_out,
)
from services.applications.workflow import ApplicationStatus
from services.kernel.identity.actor import Actor
from services.kernel.journal import Journal
from services.kernel.logging import trace_of
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
    Handler,
    QuestionRoute,
    ReceivedAt,
    TransactionalRoute,
    access_of,
    runtime_of,
)
from services.policy.enterprise_size import SizeDetermination

router = APIRouter(route_class=TransactionalRoute)
questions = APIRouter(route_class=QuestionRoute)


class RegisterRoute(TransactionalRoute):
    """A route that asks the market register first: no transaction is open while it takes its time.

    The caller's right is looked at before anything is asked.
    """

    def inner_handler(self) -> Handler:
        handle = super().inner_handler()
        access = access_of(self)

        async def asking(request: Request) -> Response:
            applicant = await access(request)
            if await _is_well_formed(request):
                request.state.register_record = await _record_for(request, applicant)
            return await handle(request)

        return asking


register_questions = APIRouter(route_class=RegisterRoute)


async def _is_well_formed(request: Request) -> bool:
    """Whether the route will take the body. What is malformed asks no register."""
    try:
        PrefillIn.model_validate(await request.json())
    except ValueError:
        return False
    return True


async def _record_for(request: Request, applicant: Actor) -> RegisterRecord:
    """Return what the register knows of an application's enterprise."""
    runtime, register = runtime_of(request), request.app.state.register
    if register is None:
        raise RegisterAway("本平台尚未接入登记数据。", "No register is connected here.")
    try:
        application_id = UUID(request.path_params["application_id"])
    except ValueError as error:
        raise ApplicationNotFound from error
    async with runtime.database.session() as session:
        journal = Journal(session, runtime.tables, runtime.clock, trace_of(request.scope))
        applications = ApplicationService(
            session, journal, runtime.clock, request.app.state.catalogue
        )
        uscc = await applications.expect_prefill(application_id, applicant)
    try:
        record: RegisterRecord | None = await register.look_up(uscc)
    except RegisterUnavailable as error:
        raise RegisterAway(headers={"Retry-After": "60"}) from error
    if record is None:
        raise NotInRegister
    return record


async def _application_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> ApplicationService:
    return ApplicationService(session, journal, clock, request.app.state.catalogue)


async def _rule_service(request: Request, clock: CurrentClock) -> RuleService:
    return RuleService(request.app.state.catalogue, clock)


Applications = Annotated[ApplicationService, Depends(_application_service)]
Rules = Annotated[RuleService, Depends(_rule_service)]


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
        ContactInvalid,
        CopyNotPossible,
    ),
)
async def start_application(
    body: ApplicationIn,
    applicant: Applicant,
    applications: Applications,
    received_at: ReceivedAt,
    response: Response,
) -> ApplicationOut:
    """Start a draft in an open round. Facts may be few; what is given is checked at once.

    An office's draft on behalf of an enterprise counts from the day on which it has the
    enterprise's word: by mandate at once, else when the enterprise confirms it.
    """
    draft = await applications.start_draft(
        round_id=body.round_id,
        kind=body.kind,
        facts=body.facts,
        contact=None if body.contact is None else checked_contact(body.contact.model_dump()),
        copied_from=body.copied_from,
        received_at=received_at,
        applicant=applicant,
    )
    response.headers["Location"] = f"/api/v1/applications/{draft.id}"
    return await _shown(draft, applications, applicant, response)


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
    dossiers = await applications.dossiers(found.items, reader)
    return PageOut(
        items=[application_out(one, dossiers[one.id], applications, reader) for one in found.items],
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
    return await _shown(found, applications, reader, response)


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
        EnterpriseWordMissing,
        ApplicationExists,
        TitleHeldAlready,
        NothingToRenew,
        RenewalNotOpen,
        Excluded,
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
    return await _shown(edited, applications, applicant, response)


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
    return await _shown(determined, applications, officer, response)


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
    return await _shown(left, applications, officer, response)


@register_questions.post(
    "/applications/{application_id}/prefill",
    tags=["applications"],
    summary="以登记数据预填 · Fill in what the register knows",
    responses=documented(
        NotAllowed,
        ApplicationNotFound,
        ApplicationNotEditable,
        EnterpriseWordMissing,
        ApplicationExists,
        TitleHeldAlready,
        NothingToRenew,
        RenewalNotOpen,
        Excluded,
        FactsInvalid,
        NotInRegister,
        RegisterAway,
        PreconditionRequired,
        Stale,
    ),
)
async def prefill_application(
    application_id: UUID,
    body: PrefillIn,
    applicant: Applicant,
    applications: Applications,
    version_read: VersionRead,
    request: Request,
    response: Response,
) -> PrefillOut:
    """Fill facts that are still empty from the register. What was stated stays, and differences are named."""
    filled, result = await applications.prefill(
        application_id,
        register_name=request.app.state.register.name,
        record=request.state.register_record,
        overwrite=body.overwrite,
        version_read=version_read,
        applicant=applicant,
    )
    return PrefillOut(
        register_name=result.register,
        as_of=result.as_of,
        filled=list(result.filled),
        differing=dict(result.differing),
        unreadable=dict(result.unreadable),
        application=await _shown(filled, applications, applicant, response),
    )


@router.post(
    "/applications/{application_id}/confirmation",
    tags=["filing on behalf"],
    summary="确认代填草稿 · Confirm a draft that an office made",
    responses=documented(
        NotAllowed,
        ApplicationNotFound,
        NothingToConfirm,
        ApplicationExists,
        TitleHeldAlready,
        NothingToRenew,
        RenewalNotOpen,
        Excluded,
        PreconditionRequired,
        Stale,
    ),
)
async def confirm_application(
    application_id: UUID,
    applicant: Enterprise,
    applications: Applications,
    version_read: VersionRead,
    response: Response,
) -> ApplicationOut:
    """Give the enterprise's word to what it has read: the draft counts, and the office may submit it.

    To refuse a draft that an office made, withdraw it.
    """
    confirmed = await applications.confirm(
        application_id, version_read=version_read, applicant=applicant
    )
    return await _shown(confirmed, applications, applicant, response)


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
        ApplicationExists,
        EnterpriseWordMissing,
    ),
)
async def submit_application(
    application_id: UUID,
    applicant: Applicant,
    applications: Applications,
    received_at: ReceivedAt,
    response: Response,
) -> ApplicationOut:
    """Freeze facts and documents with their SHA-256 and hand them to review; also after a correction.

    What arrives before the midnight that ends the closing day is in time (China Standard Time).
    """
    submitted = await applications.submit(
        application_id, received_at=received_at, applicant=applicant
    )
    return await _shown(submitted, applications, applicant, response)


@router.post(
    "/applications/{application_id}/withdrawal",
    tags=["applications"],
    summary="撤回申报 · Withdraw an application",
    responses=documented(
        NotAllowed, ApplicationNotFound, ApplicationNotWithdrawable, EnterpriseWordMissing
    ),
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
    return await _shown(withdrawn, applications, applicant, response)


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
    found, submissions = await applications.submissions(application_id, reader)
    return submissions_out(found, submissions)


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


async def _shown(
    of: Application, applications: ApplicationService, reader: Actor, response: Response
) -> ApplicationOut:
    """Return an application as the reader sees it, with its tag."""
    tag(response, of.version)
    return application_out(of, await applications.dossier(of, reader), applications, reader)
