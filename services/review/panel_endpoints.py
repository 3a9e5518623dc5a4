"""Review's routes for experts: the pool, what binds people, draws, panels and their points."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from services.kernel.identity.actor import Office
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
from services.kernel.transaction import TransactionalRoute
from services.review.access import (
    Anyone,
    Appointer,
    CaseReader,
    Drawer,
    Moderator,
    PoolKeeper,
    PoolReader,
    Recuser,
    Scorer,
    TieDeclarer,
    TieReader,
)
from services.review.dependencies import Cases, Draws, Panels, Pool
from services.review.panel_schemas import (
    AbandonmentIn,
    DrawIn,
    DrawOut,
    ExpertChangeIn,
    ExpertIn,
    ExpertOut,
    ModerationIn,
    PanelIn,
    PanelOut,
    PublicDrawOut,
    PublicDrawSummaryOut,
    RecusalIn,
    RevealIn,
    ScoresIn,
    TieIn,
    TieOut,
)
from services.review.pool_service import ExpertGiven
from services.review.problems import (
    ActNotAtThisStage,
    ActNotInThisPhase,
    AssignedToAnother,
    BoundToEnterprise,
    CasesNotReadyForDraw,
    CreditCodeNotValid,
    DecisionNotOffered,
    DrawEnded,
    DrawNotFound,
    DrawTooEarly,
    EnterpriseExcluded,
    ExpertKnownAlready,
    ExpertNotFound,
    ExpertNotLate,
    ExpertUnfit,
    ModerationOutOfRange,
    PanelIsDrawn,
    PanelNotOnRoute,
    ReviewCaseNotFound,
    ReviewCaseNotOpen,
    ScoresIncomplete,
    ScoresLocked,
    ValueKnownAlready,
)
from services.review.schemas import CaseOut
from services.review.views import (
    case_out,
    draw_out,
    panel_out,
    public_draw_out,
    public_draw_summary_out,
)
from services.review.workflow import DrawStatus

router = APIRouter(route_class=TransactionalRoute)

Code = Annotated[
    str, Path(pattern=r"^[2-9A-HJ-NP-Z]{8}$", description="专家编码。The expert's code.")
]

_AT_A_PANEL = (
    NotAllowed,
    ReviewCaseNotFound,
    ReviewCaseNotOpen,
    ActNotAtThisStage,
    ActNotInThisPhase,
)


@router.post(
    "/experts",
    status_code=201,
    tags=["experts"],
    summary="登记专家 · Take an expert into the pool",
    responses=documented(NotAllowed, ExpertKnownAlready, CreditCodeNotValid),
)
async def register_expert(
    body: ExpertIn, officer: PoolKeeper, pool: Pool, response: Response
) -> ExpertOut:
    """Take an expert into the pool that panels are drawn from, under a code that names nobody."""
    given = ExpertGiven(**body.model_dump(exclude={"sub"}))
    expert = await pool.register(body.sub, given, officer)
    response.headers["Location"] = f"/api/v1/experts/{expert.code}"
    tag(response, expert.version)
    return ExpertOut.model_validate(expert)


@router.get(
    "/experts",
    tags=["experts"],
    summary="查询专家库 · List the pool of experts",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_experts(
    reader: PoolReader,
    pool: Pool,
    page: PageOf,
    field: Annotated[str | None, Query(max_length=60)] = None,
    is_active: bool | None = None,
) -> PageOut[ExpertOut]:
    """List the experts by their codes."""
    found = await pool.page(reader, page, field=field, is_active=is_active)
    return PageOut(items=[ExpertOut.model_validate(one) for one in found.items], next=found.next)


@router.get(
    "/experts/{code}",
    tags=["experts"],
    summary="查看专家 · Read an expert",
    responses=documented(NotAllowed, ExpertNotFound),
)
async def read_expert(code: Code, reader: PoolReader, pool: Pool, response: Response) -> ExpertOut:
    found = await pool.find(code, reader)
    tag(response, found.version)
    return ExpertOut.model_validate(found)


@router.put(
    "/experts/{code}",
    tags=["experts"],
    summary="变更专家信息 · Change an expert",
    responses=documented(
        NotAllowed, ExpertNotFound, CreditCodeNotValid, PreconditionRequired, Stale
    ),
)
async def change_expert(
    code: Code,
    body: ExpertChangeIn,
    officer: PoolKeeper,
    pool: Pool,
    version: VersionRead,
    response: Response,
) -> ExpertOut:
    """Change what the pool knows of an expert, or take the expert out with `is_active` false."""
    given = ExpertGiven(**body.model_dump())
    expert = await pool.change(code, given, version=version, officer=officer)
    tag(response, expert.version)
    return ExpertOut.model_validate(expert)


@router.post(
    "/ties",
    status_code=201,
    tags=["experts"],
    summary="申报利害关系 · Declare what binds somebody to an enterprise",
    responses=documented(NotAllowed, CreditCodeNotValid),
)
async def declare_tie(body: TieIn, person: TieDeclarer, pool: Pool) -> TieOut:
    """Declare one's own employment, shares, family or advice; the province may put down others'.

    Whoever is bound to an enterprise decides nothing about it and is never drawn for it.
    """
    sub = body.sub or person.sub
    if sub != person.sub and not person.holds(Office.PROVINCE):
        raise NotAllowed(
            "他人的利害关系由省级主管部门登记。", "The province puts down what binds somebody else."
        )
    tie = await pool.declare(
        sub=sub,
        uscc=body.uscc,
        kind=body.kind,
        from_on=body.from_on,
        until_on=body.until_on,
        note=body.note,
        declared_by=person,
    )
    return TieOut.model_validate(tie)


@router.get(
    "/ties",
    tags=["experts"],
    summary="查询利害关系 · List ties",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_ties(
    reader: TieReader,
    pool: Pool,
    page: PageOf,
    sub: Annotated[str | None, Query(max_length=200)] = None,
    uscc: Annotated[str | None, Query(max_length=40)] = None,
) -> PageOut[TieOut]:
    """List ties: one's own; the province and auditors see all."""
    found = await pool.ties(reader, page, sub=sub, uscc=uscc)
    return PageOut(items=[TieOut.model_validate(one) for one in found.items], next=found.next)


@router.post(
    "/draws",
    status_code=201,
    tags=["draws"],
    summary="抽取承诺 · Commit to a draw",
    responses=documented(NotAllowed, ValueKnownAlready, CasesNotReadyForDraw, SeparationOfDuties),
)
async def commit_to_draw(
    body: DrawIn, officer: Drawer, draws: Draws, response: Response
) -> DrawOut:
    """Fix who may be drawn and commit to a secret; name the public value that completes the seed.

    For experts, everybody with a conflict of interest is left out of the case's lot. For site visits,
    each city is a lot. Commitment, candidates and their fingerprints are public from now on.
    """
    draw = await draws.commit(
        purpose=body.purpose,
        round_id=body.round_id,
        case_ids=body.case_ids,
        public_source=body.public_source,
        value_on=body.value_on,
        officer=officer,
    )
    response.headers["Location"] = f"/api/v1/draws/{draw.id}"
    tag(response, draw.version)
    return draw_out(draw)


@router.post(
    "/draws/{draw_id}/reveal",
    status_code=201,
    tags=["draws"],
    summary="揭示抽取 · Reveal a draw",
    responses=documented(NotAllowed, DrawNotFound, DrawEnded, DrawTooEarly, SeparationOfDuties),
)
async def reveal_draw(
    draw_id: UUID, body: RevealIn, officer: Drawer, draws: Draws, response: Response
) -> DrawOut:
    """Complete the seed with the public value: panels are seated, or visits sampled.

    Another officer does it, on a later day. From then on anybody can run the draw again.
    """
    draw = await draws.reveal(draw_id, public_value=body.public_value, officer=officer)
    tag(response, draw.version)
    return draw_out(draw)


@router.post(
    "/draws/{draw_id}/abandonment",
    status_code=201,
    tags=["draws"],
    summary="作废抽取 · Give a draw up",
    responses=documented(NotAllowed, DrawNotFound, DrawEnded, SeparationOfDuties),
)
async def abandon_draw(
    draw_id: UUID, body: AbandonmentIn, officer: Drawer, draws: Draws, response: Response
) -> DrawOut:
    """Give up a draw whose public value never came. It stays on record, and its secret is not used."""
    draw = await draws.abandon(draw_id, reason=body.reason, officer=officer)
    tag(response, draw.version)
    return draw_out(draw)


@router.get(
    "/draws",
    tags=["draws"],
    summary="查询抽取 · List draws",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_draws(
    reader: PoolReader,
    draws: Draws,
    page: PageOf,
    round_id: UUID | None = None,
    status: DrawStatus | None = None,
) -> PageOut[DrawOut]:
    """List draws, the newest first, with who was left out of a lot and why."""
    found = await draws.page(reader, page, round_id=round_id, status=status)
    return PageOut(items=[draw_out(one) for one in found.items], next=found.next)


@router.get(
    "/draws/{draw_id}",
    tags=["draws"],
    summary="查看抽取 · Read a draw",
    responses=documented(NotAllowed, DrawNotFound),
)
async def read_draw(draw_id: UUID, reader: PoolReader, draws: Draws, response: Response) -> DrawOut:
    found = await draws.find(draw_id, reader)
    tag(response, found.version)
    return draw_out(found)


@router.get(
    "/public/draws",
    tags=["public"],
    summary="查询抽取公开信息 · List draws in public",
    responses=documented(CursorInvalid),
)
async def list_public_draws(
    _anyone: Anyone, draws: Draws, page: PageOf
) -> PageOut[PublicDrawSummaryOut]:
    """List draws, the newest first; each by itself has the lots that it takes to run it again."""
    found = await draws.page(None, page, round_id=None, status=None)
    return PageOut(items=[public_draw_summary_out(one) for one in found.items], next=found.next)


@router.get(
    "/public/draws/{draw_id}",
    tags=["public"],
    summary="查看抽取公开信息 · Read a draw in public",
    responses=documented(DrawNotFound),
)
async def read_public_draw(draw_id: UUID, _anyone: Anyone, draws: Draws) -> PublicDrawOut:
    """Return a draw as anybody may check it: experts are codes and cases are identifiers."""
    return public_draw_out(await draws.find(draw_id, None))


@router.get(
    "/review-cases/{case_id}/panel",
    tags=["experts"],
    summary="查看专家组 · Read a case's panel",
    responses=documented(NotAllowed, ReviewCaseNotFound, PanelNotOnRoute),
)
async def read_panel(case_id: UUID, reader: CaseReader, cases: Cases, panels: Panels) -> PanelOut:
    """Return the panel's indicators, members, sheets and result, as far as the caller may see them.

    An expert sees its own sheet. The province, the meeting and auditors see all, once all are in.
    """
    found = panel_out(await panels.seen_by(await cases.find(case_id, reader), reader))
    if found is None:
        raise PanelNotOnRoute
    return found


@router.post(
    "/review-cases/{case_id}/panel",
    status_code=201,
    tags=["experts"],
    summary="补聘专家 · Appoint the experts that the draw could not seat",
    responses=documented(
        *_AT_A_PANEL,
        EnterpriseExcluded,
        PanelIsDrawn,
        ExpertUnfit,
        SeparationOfDuties,
        BoundToEnterprise,
    ),
)
async def appoint_experts(
    case_id: UUID,
    body: PanelIn,
    officer: Appointer,
    panels: Panels,
    cases: Cases,
    response: Response,
) -> CaseOut:
    """Fill the seats that are left when the draw is exhausted. Experts are otherwise drawn."""
    case = await panels.appoint(case_id, codes=body.experts, reason=body.reason, officer=officer)
    tag(response, case.version)
    return await case_out(case, cases, officer)


@router.post(
    "/review-cases/{case_id}/scores",
    status_code=201,
    tags=["experts"],
    summary="提交评分 · Submit a score sheet",
    responses=documented(
        *_AT_A_PANEL,
        EnterpriseExcluded,
        ScoresLocked,
        ScoresIncomplete,
        SeparationOfDuties,
        BoundToEnterprise,
        AssignedToAnother,
        ExpertUnfit,
    ),
)
async def submit_scores(
    case_id: UUID,
    body: ScoresIn,
    expert: Scorer,
    panels: Panels,
    response: Response,
) -> PanelOut:
    """Give points with a reason for each indicator. They are locked, and blind until all are in.

    With the last sheet the panel concludes by the pack's aggregation; sheets too far apart call one
    more expert, and if they still differ a moderator.
    """
    case = await panels.score(
        case_id,
        items=[(one.indicator, one.points, one.reason) for one in body.items],
        expert=expert,
    )
    tag(response, case.version)
    found = panel_out(await panels.seen_by(case, expert))
    if found is None:
        raise PanelNotOnRoute
    return found


@router.post(
    "/review-cases/{case_id}/recusals",
    status_code=201,
    tags=["experts"],
    summary="回避或更换专家 · Step aside, or excuse an expert",
    responses=documented(
        *_AT_A_PANEL,
        ScoresLocked,
        ExpertNotFound,
        ExpertNotLate,
        PanelIsDrawn,
        SeparationOfDuties,
        BoundToEnterprise,
    ),
)
async def recuse_from_panel(
    case_id: UUID, body: RecusalIn, person: Recuser, panels: Panels, response: Response
) -> None:
    """Let an expert step aside, before scoring; the next of the draw takes the seat.

    The province names an `expert` whom it excuses: one whose sheet is overdue, or who turned out to be
    bound to the enterprise. Whoever made the draw or put the expert in the pool does not.
    """
    if body.expert is not None:
        case = await panels.excuse(case_id, code=body.expert, reason=body.reason, officer=person)
    else:
        case = await panels.recuse(case_id, reason=body.reason, kind=body.kind, expert=person)
    tag(response, case.version)


@router.post(
    "/review-cases/{case_id}/moderation",
    status_code=201,
    tags=["experts"],
    summary="复议定分 · Moderate a panel",
    responses=documented(
        *_AT_A_PANEL,
        EnterpriseExcluded,
        ModerationOutOfRange,
        SeparationOfDuties,
        BoundToEnterprise,
        AssignedToAnother,
        DecisionNotOffered,
    ),
)
async def moderate_panel(
    case_id: UUID,
    body: ModerationIn,
    officer: Moderator,
    panels: Panels,
    cases: Cases,
    response: Response,
) -> CaseOut:
    """Settle what the experts still differ about, within what they gave, and say why."""
    case = await panels.moderate(case_id, points=body.points, reason=body.reason, officer=officer)
    tag(response, case.version)
    return await case_out(case, cases, officer)
