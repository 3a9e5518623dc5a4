"""Who may call a route. Every route depends on exactly one of these; a test holds us to it."""

from fastapi import Request

from services.kernel.identity.actor import NOBODY, Actor, Office, Scope
from services.kernel.identity.tokens import TokenVerifier
from services.kernel.problems import NotAllowed, NotAuthenticated


class Access:
    """Admits callers with the scope and, where offices are named, one of the offices."""

    def __init__(self, scope: Scope, *offices: Office) -> None:
        self.scope = scope
        self.offices = frozenset(offices)

    async def __call__(self, request: Request) -> Actor:
        actor = await _authenticate(request)
        if not actor.may(self.scope):
            raise NotAllowed(
                f"令牌缺少权限范围 {self.scope}。", f"The token lacks the scope {self.scope}."
            )
        if self.offices and actor.offices.isdisjoint(self.offices):
            offices = sorted(self.offices)
            raise NotAllowed(
                f"此事由以下岗位办理：{'、'.join(offices)}。", f"This is for: {', '.join(offices)}."
            )
        return actor


class PublicAccess:
    """Admits everybody. A token is neither needed nor looked at."""

    async def __call__(self, request: Request) -> Actor:
        request.state.actor = NOBODY
        return NOBODY


async def _authenticate(request: Request) -> Actor:
    """Return who is calling. Raises `NotAuthenticated` without a valid bearer token."""
    token = bearer_of(request.headers.get("Authorization", ""))
    if token is None:
        raise NotAuthenticated(headers={"WWW-Authenticate": 'Bearer realm="srdi"'})
    verifier: TokenVerifier = request.app.state.runtime.verifier
    actor = await verifier.verify(token)
    request.state.actor = actor
    request.state.sub = actor.sub
    return actor


def bearer_of(authorization: str) -> str | None:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
