"""Who may call review's routes. What they may do with a case is said once, in `workflow.RULES`."""

from typing import Annotated

from fastapi import Depends

from services.kernel.identity.access import Access, PublicAccess
from services.kernel.identity.actor import Actor, Office, Scope
from services.review.workflow import HEARD, RULES, Act


def _may(*acts: Act) -> Access:
    offices = frozenset(office for act in acts for office in RULES[act].offices)
    return Access(Scope.REVIEW_DECIDE, *sorted(offices))


_READERS = (
    Office.COUNTY,
    Office.CITY,
    Office.PROVINCE,
    Office.EXPERT,
    Office.SITE_INSPECTOR,
    Office.DECISION_MEETING,
    Office.AUDITOR,
)

Anyone = Annotated[Actor, Depends(PublicAccess())]
CaseReader = Annotated[Actor, Depends(Access(Scope.REVIEW_READ, *_READERS))]
ListReader = Annotated[
    Actor,
    Depends(
        Access(
            Scope.REVIEW_READ,
            Office.COUNTY,
            Office.CITY,
            Office.PROVINCE,
            Office.DECISION_MEETING,
            Office.AUDITOR,
        )
    ),
]
PoolReader = Annotated[Actor, Depends(Access(Scope.REVIEW_READ, Office.PROVINCE, Office.AUDITOR))]
PoolKeeper = Annotated[Actor, Depends(Access(Scope.REVIEW_DECIDE, Office.PROVINCE))]
TieReader = Annotated[Actor, Depends(Access(Scope.REVIEW_READ, *_READERS))]
TieDeclarer = Annotated[
    Actor, Depends(Access(Scope.REVIEW_DECIDE, *(one for one in _READERS if one != Office.AUDITOR)))
]
Decider = Annotated[Actor, Depends(_may(Act.ENDORSE, Act.RETURN, Act.REJECT))]
Assigner = Annotated[Actor, Depends(_may(Act.ASSIGN))]
SetterAside = Annotated[Actor, Depends(_may(Act.SET_ASIDE))]
Recommender = Annotated[Actor, Depends(_may(Act.RECOMMEND))]
Meeting = Annotated[Actor, Depends(_may(Act.DETERMINE))]
Drawer = Annotated[Actor, Depends(_may(Act.DRAW_EXPERTS, Act.DRAW_VISITS))]
Appointer = Annotated[Actor, Depends(_may(Act.APPOINT))]
Scorer = Annotated[Actor, Depends(_may(Act.SCORE))]
Recuser = Annotated[Actor, Depends(_may(Act.RECUSE, Act.EXCUSE))]
Moderator = Annotated[Actor, Depends(_may(Act.MODERATE))]
Inspector = Annotated[Actor, Depends(_may(Act.VISIT, Act.PHOTOGRAPH))]
NoticeKeeper = Annotated[Actor, Depends(_may(Act.PUT_ON_NOTICE, Act.RECOGNISE))]
NoticeReader = Annotated[
    Actor, Depends(Access(Scope.REVIEW_READ, Office.CITY, Office.PROVINCE, Office.AUDITOR))
]
ObjectionReader = Annotated[
    Actor,
    Depends(
        Access(Scope.REVIEW_READ, Office.CITY, Office.PROVINCE, Office.AUDITOR, Office.ENTERPRISE)
    ),
]
Speaker = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_WRITE, *HEARD))]
"""An answer is filed like a document: it decides nothing."""
