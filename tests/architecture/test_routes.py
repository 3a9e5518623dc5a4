"""What holds for every route of every service."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from gateway.routes import destination_of
from services.applications.app import PARTS as APPLICATIONS
from services.registry.app import PARTS as REGISTRY
from services.review.app import PARTS as REVIEW
from services.rewards.app import PARTS as REWARDS

SERVICES = (APPLICATIONS, REGISTRY, REVIEW, REWARDS)
ROUTES = [
    (parts.name, route)
    for parts in SERVICES
    for router in parts.routers
    for route in router.routes
    if isinstance(route, APIRoute)
]


def named(one: object) -> str:
    return f"{sorted(one.methods or ())} {one.path}" if isinstance(one, APIRoute) else str(one)


each_route = pytest.mark.parametrize(("service", "route"), ROUTES, ids=named)


def called(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    if dependant.call is not None:
        yield dependant.call
    for inner in dependant.dependencies:
        yield from called(inner)


@each_route
def test_the_gateway_leads_to_every_route(service: str, route: APIRoute) -> None:
    destination = destination_of(f"/api/v1{route.path}")

    assert destination is not None, "add its first step to gateway/routes.py"
    assert destination.service == service


@each_route
def test_no_route_of_a_service_waits_for_a_thread(service: str, route: APIRoute) -> None:
    """A plain function among a route's dependencies is run in a thread, which costs more than it."""
    plain = [
        call
        for call in called(route.dependant)
        if not inspect.iscoroutinefunction(call)
        and not inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004
    ]

    assert plain == [], service


def test_there_are_routes() -> None:
    assert len(ROUTES) > 180
