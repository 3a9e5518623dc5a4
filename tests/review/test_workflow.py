"""Which step may follow which: every combination, without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.problems import Problem
from services.policy.catalogue import load_catalogue
from services.policy.stages import StageDecision
from services.review.problems import DecisionNotOffered, DecisionOutOfTurn, OfficeNotInRoute
from services.review.workflow import (
    SETTLED,
    CaseStatus,
    Position,
    Route,
    after,
    opened,
    require_turn,
    resubmitted,
)

ROUTE = Route.of(load_catalogue().pack("guizhou/2021-05-06"), "srdi_sme")


def test_four_endorsements_lead_to_the_notice() -> None:
    position = opened(ROUTE)
    walked = [position.stage]
    while position.status is CaseStatus.IN_REVIEW:
        position = after(position, StageDecision.ENDORSE, ROUTE)
        walked.append(position.stage)

    assert walked == [stage.id for stage in ROUTE.stages]
    assert position.status is CaseStatus.AWAITING_NOTICE


def test_a_corrected_case_goes_on_where_it_was_sent_back() -> None:
    screening = Position("provincial_screening", CaseStatus.IN_REVIEW)

    returned = after(screening, StageDecision.RETURN, ROUTE)

    assert returned.status is CaseStatus.RETURNED
    assert resubmitted(returned) == screening


def test_experts_do_not_send_back() -> None:
    with pytest.raises(DecisionNotOffered):
        after(Position("expert_evaluation", CaseStatus.IN_REVIEW), StageDecision.RETURN, ROUTE)


@given(
    st.sampled_from([stage.id for stage in ROUTE.stages]),
    st.sampled_from(CaseStatus),
    st.sampled_from(StageDecision),
)
def test_only_a_case_in_review_takes_a_decision(
    stage: str, status: CaseStatus, decision: StageDecision
) -> None:
    try:
        position = after(Position(stage, status), decision, ROUTE)
    except Problem:
        return

    assert status is CaseStatus.IN_REVIEW
    assert position.status not in SETTLED - {CaseStatus.REJECTED}


@pytest.mark.parametrize(
    ("office", "refusal"),
    [("county_office", OfficeNotInRoute), ("provincial_office", DecisionOutOfTurn)],
)
def test_it_is_one_offices_turn(office: str, refusal: type[Problem]) -> None:
    with pytest.raises(refusal):
        require_turn(
            opened(ROUTE), ROUTE, offices={office}, sub="a", filed_by=set(), decided_by=set()
        )
