"""Who may call intake's routes."""

from typing import Annotated

from fastapi import Depends

from services.applications.filing_rules import APPLICANTS, FILING_OFFICES, SIZE_OFFICES
from services.applications.repository import READING_OFFICES
from services.kernel.identity.access import Access, PublicAccess
from services.kernel.identity.actor import Actor, Office, Scope

Anyone = Annotated[Actor, Depends(PublicAccess())]
RoundReader = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_READ))]
RoundKeeper = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_WRITE, Office.PROVINCE))]
Applicant = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_WRITE, *APPLICANTS))]
Enterprise = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_WRITE, Office.ENTERPRISE))]
FilingOffice = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_WRITE, *FILING_OFFICES))]
SizeOfficer = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_WRITE, *SIZE_OFFICES))]
Officer = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_READ, *READING_OFFICES))]
CaseOfficer = Annotated[
    Actor,
    Depends(Access(Scope.APPLICATIONS_WRITE, Office.COUNTY, Office.CITY, Office.PROVINCE)),
]
ApplicationReader = Annotated[
    Actor, Depends(Access(Scope.APPLICATIONS_READ, Office.ENTERPRISE, *READING_OFFICES))
]
