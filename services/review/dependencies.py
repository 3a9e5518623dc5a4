"""What review's routes work with: one desk for a request, and the services at it."""

from typing import Annotated

from fastapi import Depends, Request

from services.kernel.transaction import CurrentClock, CurrentJournal, CurrentSession
from services.review.case_service import CaseService
from services.review.desk import CaseDesk
from services.review.draw_service import DrawService
from services.review.list_repository import ListRepository
from services.review.meeting_service import MeetingService
from services.review.notice_repository import NoticeRepository
from services.review.notice_service import NoticeService
from services.review.objection_service import ObjectionService
from services.review.panel_repository import PanelRepository
from services.review.panel_service import PanelService
from services.review.pool_service import PoolService
from services.review.recommendation_service import RecommendationService
from services.review.statistics_service import StatisticsService
from services.review.visit_service import VisitService


async def _desk(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> CaseDesk:
    return CaseDesk(session, journal, clock, request.app.state.catalogue)


Desk = Annotated[CaseDesk, Depends(_desk)]


async def _case_service(desk: Desk) -> CaseService:
    return CaseService(desk, NoticeRepository(desk.session))


async def _recommendation_service(desk: Desk) -> RecommendationService:
    return RecommendationService(desk, ListRepository(desk.session))


async def _meeting_service(desk: Desk) -> MeetingService:
    return MeetingService(desk, ListRepository(desk.session))


async def _panel_service(desk: Desk) -> PanelService:
    return PanelService(desk, PanelRepository(desk.session))


async def _draw_service(desk: Desk) -> DrawService:
    panels = PanelRepository(desk.session)
    return DrawService(desk, panels, PanelService(desk, panels))


async def _pool_service(desk: Desk) -> PoolService:
    return PoolService(PanelRepository(desk.session), desk.journal, desk.clock)


async def _visit_service(desk: Desk) -> VisitService:
    return VisitService(desk, PanelRepository(desk.session))


async def _notice_service(desk: Desk) -> NoticeService:
    return NoticeService(desk, NoticeRepository(desk.session))


async def _objection_service(desk: Desk) -> ObjectionService:
    return ObjectionService(desk, NoticeRepository(desk.session))


async def _statistics_service(request: Request, session: CurrentSession) -> StatisticsService:
    return StatisticsService(ListRepository(session), request.app.state.catalogue)


Cases = Annotated[CaseService, Depends(_case_service)]
Recommendations = Annotated[RecommendationService, Depends(_recommendation_service)]
Meetings = Annotated[MeetingService, Depends(_meeting_service)]
Panels = Annotated[PanelService, Depends(_panel_service)]
Draws = Annotated[DrawService, Depends(_draw_service)]
Pool = Annotated[PoolService, Depends(_pool_service)]
Visits = Annotated[VisitService, Depends(_visit_service)]
Notices = Annotated[NoticeService, Depends(_notice_service)]
Objections = Annotated[ObjectionService, Depends(_objection_service)]
Statistics = Annotated[StatisticsService, Depends(_statistics_service)]
