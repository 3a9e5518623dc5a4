"""Who may call the registry's routes."""

from typing import Annotated

from fastapi import Depends

from services.kernel.identity.access import Access, PublicAccess
from services.kernel.identity.actor import Actor, Office, Scope

Anyone = Annotated[Actor, Depends(PublicAccess())]
Reader = Annotated[Actor, Depends(Access(Scope.REGISTRY_READ))]
"""Any system or person with the scope; the repository hides secret-involved enterprises."""
Keeper = Annotated[Actor, Depends(Access(Scope.REGISTRY_WRITE, Office.PROVINCE))]
ChangeKeeper = Annotated[Actor, Depends(Access(Scope.REGISTRY_WRITE, Office.CITY, Office.PROVINCE))]
"""Cities record renames and moves inside the city; what goes beyond it is the province's."""
InCharge = Annotated[
    Actor,
    Depends(
        Access(
            Scope.REGISTRY_READ,
            Office.ENTERPRISE,
            Office.COUNTY,
            Office.CITY,
            Office.PROVINCE,
            Office.AUDITOR,
        )
    ),
]
InOffice = Annotated[
    Actor,
    Depends(
        Access(Scope.REGISTRY_READ, Office.COUNTY, Office.CITY, Office.PROVINCE, Office.AUDITOR)
    ),
]
