"""A caller, as its verified token describes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.kernel.regions import covers, is_city, is_county, is_province


class Office(StrEnum):
    ENTERPRISE = "enterprise"
    COUNTY = "county_office"
    CITY = "city_office"
    PROVINCE = "provincial_office"
    EXPERT = "expert"
    SITE_INSPECTOR = "site_inspector"
    DECISION_MEETING = "decision_meeting"
    FINANCE = "finance_office"
    DISBURSEMENT = "disbursement"
    AUDITOR = "auditor"
    EVALUATOR = "evaluator"
    ADMINISTRATOR = "administrator"


class Scope(StrEnum):
    APPLICATIONS_READ = "applications:read"
    APPLICATIONS_WRITE = "applications:write"
    REVIEW_READ = "review:read"
    REVIEW_DECIDE = "review:decide"
    REGISTRY_READ = "registry:read"
    REGISTRY_WRITE = "registry:write"
    REWARDS_READ = "rewards:read"
    REWARDS_WRITE = "rewards:write"
    REWARDS_APPROVE = "rewards:approve"
    REWARDS_DISBURSE = "rewards:disburse"
    EVENTS_READ = "events:read"
    EVENTS_INTERNAL = "events:internal"
    """The unfiltered feeds between our own services; given to no outside client."""
    WEBHOOKS_WRITE = "webhooks:write"
    AUDIT_READ = "audit:read"


@dataclass(frozen=True, slots=True)
class Actor:
    sub: str
    client_id: str
    offices: frozenset[str]
    scopes: frozenset[str]
    region: str | None
    uscc: str | None

    def __post_init__(self) -> None:
        """Drop an office whose level the region does not have, and an enterprise's without a code."""
        held = frozenset(
            one
            for one in self.offices
            if fits(one, self.region) and (one != Office.ENTERPRISE or self.uscc is not None)
        )
        object.__setattr__(self, "offices", held)

    def holds(self, *offices: Office) -> bool:
        return not self.offices.isdisjoint(offices)

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    def is_in_charge_of(self, region: str) -> bool:
        """Whether the caller's division contains the given one; an enterprise is in charge of none."""
        return self.region is not None and self.uscc is None and covers(self.region, region)

    def as_record(self) -> dict[str, Any]:
        """Return who acted, as history keeps it."""
        return {
            "sub": self.sub,
            "client_id": self.client_id,
            "offices": sorted(self.offices),
            "region": self.region,
            "uscc": self.uscc,
        }


_LEVELS: Mapping[str, Callable[[str], bool]] = {
    Office.PROVINCE: is_province,
    Office.DECISION_MEETING: is_province,
    Office.CITY: is_city,
    Office.COUNTY: is_county,
}


def fits(office: str, region: str | None) -> bool:
    """Whether an office can be held in a region: a province's not in a county."""
    level = _LEVELS.get(office)
    return level is None or (region is not None and level(region))


NOBODY = Actor(
    sub="anonymous",
    client_id="",
    offices=frozenset(),
    scopes=frozenset(),
    region=None,
    uscc=None,
)


def system_actor(service: str) -> Actor:
    """Return the name under which a service acts on another's event."""
    return Actor(
        sub=f"service:{service}",
        client_id=service,
        offices=frozenset(),
        scopes=frozenset(),
        region=None,
        uscc=None,
    )


def actor_from_record(record: Mapping[str, Any]) -> Actor:
    """Return who acted, from what history keeps. They may do nothing more: scopes are not kept."""
    return Actor(
        sub=record["sub"],
        client_id=record["client_id"],
        offices=frozenset(record["offices"]),
        scopes=frozenset(),
        region=record["region"],
        uscc=record["uscc"],
    )


def actor_from_claims(claims: Mapping[str, Any]) -> Actor:
    return Actor(
        sub=claims["sub"],
        client_id=claims["client_id"],
        offices=frozenset(claims.get("offices", ())),
        scopes=frozenset(claims.get("scope", "").split()),
        region=claims.get("region"),
        uscc=claims.get("uscc"),
    )
