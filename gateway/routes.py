"""Which service answers for which path. Everything else is a 404 at the door."""

from dataclasses import dataclass

API_PREFIX = "/api/v1/"

# The first step of the path decides; under /public/ the second one does.
COLLECTIONS = {
    "rounds": "applications",
    "applications": "applications",
    "application-imports": "applications",
    "application-template.xlsx": "applications",
    "filing-mandates": "applications",
    "eligibility-checks": "applications",
    "packs": "applications",
    "divisions": "applications",
    "industries": "applications",
    "review-cases": "review",
    "work-list": "review",
    "determinations": "review",
    "draws": "review",
    "experts": "review",
    "ties": "review",
    "review-statistics": "review",
    "recommendation-lists": "review",
    "notices": "review",
    "objections": "review",
    "enterprises": "registry",
    "enterprise-changes": "registry",
    "enterprise-exports": "registry",
    "verifications": "registry",
    "recognitions": "registry",
    "recognition-imports": "registry",
    "renewal-duties": "registry",
    "renewal-rounds": "registry",
    "early-warnings": "registry",
    "support-records": "registry",
    "examinations": "registry",
    "cultivation-library": "registry",
    "screenings": "registry",
    "statistics": "registry",
    "bulletins": "registry",
    "reward-schedules": "rewards",
    "award-calculations": "rewards",
    "awards": "rewards",
    "award-runs": "rewards",
    "award-statements": "rewards",
    "award-statements.jws": "rewards",
    "award-statements.xlsx": "rewards",
    "disbursement-batches": "rewards",
    "recoveries": "rewards",
    "day-statements": "rewards",
    "reconciliations": "rewards",
}
PUBLIC_COLLECTIONS = {
    "notices": "review",
    "draws": "review",
    "enterprises": "registry",
    "certificates": "registry",
    "certificate-keys": "registry",
    "status-list": "registry",
    "typical-cases": "registry",
    "open-data": "registry",
    "reward-keys": "rewards",
}
# Reached without a token; the service says so too, in its own access rules.
OPEN_COLLECTIONS = frozenset({"eligibility-checks", "packs", "divisions", "industries"})


@dataclass(frozen=True, slots=True)
class Destination:
    service: str
    needs_token: bool


def destination_of(path: str) -> Destination | None:
    """Return where a path leads, or None where it leads nowhere."""
    if not path.startswith(API_PREFIX):
        return None
    first, _, rest = path.removeprefix(API_PREFIX).partition("/")
    if first == "public":
        service = PUBLIC_COLLECTIONS.get(rest.partition("/")[0])
        return None if service is None else Destination(service, needs_token=False)
    service = COLLECTIONS.get(first)
    return (
        None if service is None else Destination(service, needs_token=first not in OPEN_COLLECTIONS)
    )
