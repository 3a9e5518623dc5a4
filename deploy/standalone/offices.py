"""What each office may do on the standalone platform, where tokens are printed on demand.

In production an office's scopes are set where people are managed: at the identity provider.
"""

from collections.abc import Mapping

from deploy.standalone.home import ISSUER
from gateway.issuer import claims_for
from services.kernel.identity.actor import Office, Scope
from services.kernel.identity.keys import KeyRing
from services.kernel.identity.tokens import sign

READING = (Scope.APPLICATIONS_READ, Scope.REVIEW_READ, Scope.REGISTRY_READ, Scope.REWARDS_READ)
SCOPES: Mapping[Office, tuple[Scope, ...]] = {
    Office.ENTERPRISE: (
        Scope.APPLICATIONS_READ,
        Scope.APPLICATIONS_WRITE,
        # Objections against itself, which it may answer.
        Scope.REVIEW_READ,
        Scope.REGISTRY_READ,
        # Its own annual report.
        Scope.REGISTRY_WRITE,
        Scope.REWARDS_READ,
        Scope.EVENTS_READ,
    ),
    Office.COUNTY: (
        *READING,
        Scope.APPLICATIONS_WRITE,
        Scope.REVIEW_DECIDE,
        Scope.REGISTRY_WRITE,
        Scope.EVENTS_READ,
    ),
    Office.CITY: (
        *READING,
        Scope.APPLICATIONS_WRITE,
        Scope.REVIEW_DECIDE,
        Scope.REGISTRY_WRITE,
        Scope.EVENTS_READ,
    ),
    Office.PROVINCE: (
        *READING,
        Scope.APPLICATIONS_WRITE,
        Scope.REVIEW_DECIDE,
        Scope.REGISTRY_WRITE,
        Scope.EVENTS_READ,
    ),
    Office.EXPERT: (Scope.REVIEW_READ, Scope.REVIEW_DECIDE),
    Office.SITE_INSPECTOR: (Scope.REVIEW_READ, Scope.REVIEW_DECIDE),
    Office.DECISION_MEETING: (Scope.REVIEW_READ, Scope.REVIEW_DECIDE),
    Office.FINANCE: (
        Scope.REGISTRY_READ,
        Scope.REWARDS_READ,
        Scope.REWARDS_WRITE,
        Scope.REWARDS_APPROVE,
        Scope.EVENTS_READ,
    ),
    Office.DISBURSEMENT: (Scope.REWARDS_READ, Scope.REWARDS_DISBURSE, Scope.EVENTS_READ),
    Office.AUDITOR: (*READING, Scope.AUDIT_READ, Scope.EVENTS_READ),
    Office.EVALUATOR: (Scope.REGISTRY_READ, Scope.REGISTRY_WRITE),
    Office.ADMINISTRATOR: (Scope.EVENTS_READ, Scope.WEBHOOKS_WRITE),
}


def token_for(
    keys: KeyRing,
    office: Office,
    *,
    region: str | None = None,
    uscc: str | None = None,
    sub: str | None = None,
    scopes: tuple[str, ...] | None = None,
    life_seconds: int = 15 * 60,
) -> str:
    """Return an access token of an office, signed as the gateway signs its own."""
    return sign(
        keys.signing,
        claims_for(
            issuer=ISSUER,
            sub=sub or f"{office}-{uscc or region or 'all'}",
            client_id="standalone",
            scopes=SCOPES[office] if scopes is None else scopes,
            offices=[office],
            region=region,
            uscc=uscc,
            life_seconds=life_seconds,
        ),
    )
