"""Who may decide on the fund, and that no decision is one person's alone."""

from services.kernel.identity.actor import Actor, Office, Scope
from services.kernel.problems import NotAllowed, SeparationOfDuties
from services.policy.catalogue import Catalogue
from services.policy.pack import Pack


def require(reader: Actor, scope: Scope, office: Office) -> None:
    if not reader.may(scope) or not reader.holds(office):
        raise NotAllowed


def require_jurisdiction(officer: Actor, pack: Pack) -> None:
    """Refuse whoever is not in charge of all that the pack rules: the fund is the province's."""
    if not officer.is_in_charge_of(pack.jurisdiction):
        raise NotAllowed(
            "奖励资金由主管全辖区的岗位办理。",
            f"The fund is kept, and paid out of, by the offices of {pack.jurisdiction}.",
        )


def fund_of(actor: Actor, catalogue: Catalogue) -> str:
    """Return the division whose fund an actor is in charge of. Raises `NotAllowed` without one.

    Who is in charge of several has to come as the office of one of them.
    """
    funds = {pack.jurisdiction for pack in catalogue.packs() if pack.rewards is not None}
    own = [one for one in funds if actor.is_in_charge_of(one)]
    if len(own) != 1:
        raise NotAllowed
    return own[0]


def keeps_the_fund(reader: Actor, pack: Pack) -> bool:
    """Whether the reader keeps or audits the whole fund."""
    keeps = reader.holds(Office.FINANCE, Office.AUDITOR)
    return keeps and reader.is_in_charge_of(pack.jurisdiction)


def is_of_the_fund(reader: Actor) -> bool:
    """Whether the reader has an office of the fund, and may be told the numbers of its orders.

    They count every enterprise, and so those that others may not know of.
    """
    offices = (Office.FINANCE, Office.DISBURSEMENT, Office.AUDITOR)
    return reader.uscc is None and reader.holds(*offices)


def require_another(first: str, officer: Actor, *, zh: str, en: str) -> None:
    """Refuse whoever took the first step of two. Raises `SeparationOfDuties`."""
    if first == officer.sub:
        raise SeparationOfDuties(zh, en)


def require_another_to_approve(proposed_by: str, officer: Actor) -> None:
    require_another(
        proposed_by,
        officer,
        zh="拟定人不能批准自己拟定的奖励。",
        en="Who proposed an award cannot approve it.",
    )


def require_another_to_cancel(proposed_by: str, officer: Actor) -> None:
    require_another(
        proposed_by,
        officer,
        zh="拟定人不能取消自己拟定的奖励。",
        en="Who proposed an award cannot cancel it.",
    )
