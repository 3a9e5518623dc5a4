"""Who may call review's routes."""

from typing import Annotated

from fastapi import Depends

from services.kernel.identity.access import Access, PublicAccess
from services.kernel.identity.actor import Actor, Office, Scope
from services.review.service import DECIDERS

Anyone = Annotated[Actor, Depends(PublicAccess())]
CaseReader = Annotated[Actor, Depends(Access(Scope.REVIEW_READ, *DECIDERS, Office.AUDITOR))]
Decider = Annotated[Actor, Depends(Access(Scope.REVIEW_DECIDE, *DECIDERS))]
NoticeKeeper = Annotated[Actor, Depends(Access(Scope.REVIEW_DECIDE, Office.PROVINCE))]
ObjectionReader = Annotated[
    Actor, Depends(Access(Scope.REVIEW_READ, Office.PROVINCE, Office.AUDITOR))
]
