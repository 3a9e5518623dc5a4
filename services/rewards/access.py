"""Who may call rewards' routes."""

from typing import Annotated

from fastapi import Depends

from services.kernel.identity.access import Access, PublicAccess
from services.kernel.identity.actor import Actor, Office, Scope

Anyone = Annotated[Actor, Depends(PublicAccess())]
ScheduleReader = Annotated[Actor, Depends(Access(Scope.REWARDS_READ))]
AwardReader = Annotated[Actor, Depends(Access(Scope.REWARDS_READ))]
"""Any system or person with the scope; the repository shows each its own rows."""
FinanceOfficer = Annotated[Actor, Depends(Access(Scope.REWARDS_WRITE, Office.FINANCE))]
Approver = Annotated[Actor, Depends(Access(Scope.REWARDS_APPROVE, Office.FINANCE))]
DisbursementSystem = Annotated[Actor, Depends(Access(Scope.REWARDS_DISBURSE, Office.DISBURSEMENT))]
FundReader = Annotated[
    Actor, Depends(Access(Scope.REWARDS_READ, Office.FINANCE, Office.DISBURSEMENT, Office.AUDITOR))
]
"""Those who keep, pay out of or audit the fund."""
