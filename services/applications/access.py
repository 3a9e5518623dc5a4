"""Who may call intake's routes."""

from typing import Annotated

from fastapi import Depends

from services.applications.service import APPLICANTS, SIZE_OFFICES
from services.kernel.identity.access import Access, PublicAccess
from services.kernel.identity.actor import Actor, Office, Scope

Anyone = Annotated[Actor, Depends(PublicAccess())]
RoundReader = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_READ))]
RoundKeeper = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_WRITE, Office.PROVINCE))]
Applicant = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_WRITE, *APPLICANTS))]
SizeOfficer = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_WRITE, *SIZE_OFFICES))]
ApplicationReader = Annotated[
    Actor,
    Depends(
        Access(
            Scope.APPLICATIONS_READ,
            Office.ENTERPRISE,
            Office.COUNTY,
            Office.CITY,
            Office.PROVINCE,
            Office.AUDITOR,
        )
    ),
]
