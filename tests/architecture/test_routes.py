"""What holds for every route of every service."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from services.applications import endpoints as applications_endpoints
from services.applications import reference_endpoints
from services.registry.app import PARTS as REGISTRY
from services.review.app import PARTS as REVIEW
from services.rewards.app import PARTS as REWARDS

ROUTERS = (
    applications_endpoints.router,
    applications_endpoints.questions,
    reference_endpoints.router,
    *REGISTRY.routers,
    *REVIEW.routers,
    *REWARDS.routers,
)
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def called(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    if dependant.call is not None:
        yield dependant.call
    for inner in dependant.dependencies:
        yield from called(inner)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{sorted(route.methods)} {route.path}")
def test_no_route_waits_for_a_thread(route: APIRoute) -> None:
    """A plain function among a route's dependencies is run in a thread, which costs more than it."""
    plain = [
        call
        for call in called(route.dependant)
        if not inspect.iscoroutinefunction(call)
        and not inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004
    ]

    assert plain == []


def test_there_are_routes() -> None:
    assert len(ROUTES) > 40
