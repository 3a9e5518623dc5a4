"""What may follow what in the life of an application. Pure: no database, no web."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import assert_never

from services.applications.problems import (
    ApplicationNotEditable,
    ApplicationNotSubmittable,
    ApplicationNotWithdrawable,
    Excluded,
    FactNotOpened,
    NothingToRenew,
    RenewalNotOpen,
    TitleHeldAlready,
)
from services.kernel.text import Text
from services.policy.validity import Term, Validity, renewal_opens_on


class ApplicationStatus(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    UNDER_REVIEW = "under_review"
    RETURNED = "returned"
    RECOGNISED = "recognised"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


LIVE = frozenset(ApplicationStatus) - {ApplicationStatus.REJECTED, ApplicationStatus.WITHDRAWN}
"""The states in which an application bars another one of the same enterprise, title and round."""


IN_HAND = frozenset(
    {ApplicationStatus.SUBMITTED, ApplicationStatus.UNDER_REVIEW, ApplicationStatus.RETURNED}
)
"""The states in which it waits for a decision, and bars another one whatever its round."""


FILED = LIVE - {ApplicationStatus.DRAFT} | {ApplicationStatus.REJECTED}
"""The states of an application that was submitted and not withdrawn."""


class Verdict(StrEnum):
    """What a scanner found in a file."""

    CLEAN = "clean"
    INFECTED = "infected"


class RowOutcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class Step(StrEnum):
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    RECEIVE = "receive"
    RETURN = "return"
    REJECT = "reject"
    RECOGNISE = "recognise"
    RESTORE = "restore"


_BY_REVIEW = {
    Step.RETURN: ApplicationStatus.RETURNED,
    Step.REJECT: ApplicationStatus.REJECTED,
    Step.RESTORE: ApplicationStatus.UNDER_REVIEW,
}


def after(status: ApplicationStatus, step: Step) -> ApplicationStatus:
    """Return the state that a step leads to. Raises a problem where the step is not open.

    What review decided always stands: it is a fact that intake is told, in review's own order.
    """
    match step:
        case Step.SUBMIT:
            if status not in {ApplicationStatus.DRAFT, ApplicationStatus.RETURNED}:
                raise ApplicationNotSubmittable(
                    f"申报当前为“{NAMES[status].zh}”，不能提交。",
                    f"The application is {status}; it cannot be submitted.",
                )
            return ApplicationStatus.SUBMITTED
        case Step.WITHDRAW:
            if status not in LIVE or status is ApplicationStatus.RECOGNISED:
                raise ApplicationNotWithdrawable(
                    f"申报当前为“{NAMES[status].zh}”，不能撤回。",
                    f"The application is {status}; it cannot be withdrawn.",
                )
            return ApplicationStatus.WITHDRAWN
        case Step.RECEIVE:
            # A withdrawal may have overtaken the news that the case was received.
            return (
                ApplicationStatus.UNDER_REVIEW if status is ApplicationStatus.SUBMITTED else status
            )
        case Step.RETURN | Step.REJECT | Step.RESTORE:
            is_over = status is ApplicationStatus.WITHDRAWN
            return status if is_over else _BY_REVIEW[step]
        case Step.RECOGNISE:
            return ApplicationStatus.RECOGNISED
    assert_never(step)


def refuse_edit(status: ApplicationStatus, changed: set[str], opened: set[str]) -> None:
    """Refuse a change of facts that the state does not allow."""
    if status is ApplicationStatus.DRAFT:
        return
    if status is not ApplicationStatus.RETURNED:
        raise ApplicationNotEditable(
            f"申报当前为“{NAMES[status].zh}”，不能修改。",
            f"The application is {status}; it cannot be edited.",
        )
    closed = sorted(changed - opened)
    if closed:
        raise FactNotOpened(
            errors=[
                (f"/facts/{fact}", "not_opened", Text("未要求补正此项。", "It was not opened."))
                for fact in closed
            ]
        )


def refuse_document(status: ApplicationStatus, kind: str, opened: set[str]) -> None:
    """Refuse a change of a document that the state does not allow."""
    refuse_edit(status, set(), set())
    if status is ApplicationStatus.RETURNED and kind not in opened:
        text = Text("未要求补正此项。", "It was not opened.")
        raise FactNotOpened(errors=[(f"/documents/{kind}", "not_opened", text)])


@dataclass(frozen=True, slots=True)
class HeldTitle:
    title: str
    valid_from: date
    valid_until: date
    revoked_on: date | None
    exclusion_until: date | None

    def is_valid_on(self, day: date) -> bool:
        is_revoked = self.revoked_on is not None and self.revoked_on <= day
        return self.valid_from <= day <= self.valid_until and not is_revoked


def refuse_kind(
    kind: str, title: str, held: Sequence[HeldTitle], day: date, validity: Validity
) -> None:
    """Refuse an application that what the enterprise holds or has lost does not allow (六(三))."""
    barred_until = max(
        (one.exclusion_until for one in held if one.exclusion_until is not None), default=None
    )
    if barred_until is not None and barred_until >= day:
        raise Excluded(
            f"该企业在 {barred_until} 前（含当日）不得申报。",
            f"The enterprise may not apply until {barred_until} is over.",
        )
    same = [one for one in held if one.title == title]
    if kind == "new" and any(one.is_valid_on(day) for one in same):
        until = max(one.valid_until for one in same)
        raise TitleHeldAlready(
            f"该企业的 {title} 有效至 {until}。", f"Its {title} is valid until {until}."
        )
    if kind == "renewal":
        _refuse_renewal([one for one in same if one.revoked_on is None], day, validity)


def _refuse_renewal(standing: Sequence[HeldTitle], day: date, validity: Validity) -> None:
    if not standing:
        raise NothingToRenew
    latest = max(standing, key=lambda one: one.valid_until)
    opens_on = renewal_opens_on(validity, Term(latest.valid_from, latest.valid_until))
    if day < opens_on:
        raise RenewalNotOpen(
            f"称号有效至 {latest.valid_until}，复核自 {opens_on} 起受理。",
            f"The title is valid until {latest.valid_until}; its renewal opens on {opens_on}.",
        )


NAMES = {
    ApplicationStatus.DRAFT: Text("草稿", "draft"),
    ApplicationStatus.SUBMITTED: Text("已提交", "submitted"),
    ApplicationStatus.UNDER_REVIEW: Text("审核中", "under review"),
    ApplicationStatus.RETURNED: Text("退回补正", "returned for correction"),
    ApplicationStatus.RECOGNISED: Text("已认定", "recognised"),
    ApplicationStatus.REJECTED: Text("不予认定", "rejected"),
    ApplicationStatus.WITHDRAWN: Text("已撤回", "withdrawn"),
}


@dataclass(frozen=True, slots=True)
class FilingPeriod:
    opens_on: date
    closes_on: date
    """The last day; it counts until its midnight in the province."""
    is_closed: bool

    def is_open(self, day: date) -> bool:
        return not self.is_closed and self.opens_on <= day <= self.closes_on
