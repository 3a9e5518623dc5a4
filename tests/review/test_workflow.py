"""Which step may follow which: every combination, without a database."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.identity.actor import Office
from services.kernel.problems import NotAllowed, Problem, SeparationOfDuties
from services.kernel.text import Text
from services.policy.catalogue import load_catalogue
from services.policy.pack import Pack
from services.policy.stages import Stage, StageDecision, StageKind
from services.review.problems import (
    ActNotAtThisStage,
    ActNotInThisPhase,
    AssignedToAnother,
    DecisionNotOffered,
    DecisionOutOfTurn,
    OfficeNotInRoute,
    ReviewCaseNotOpen,
)
from services.review.workflow import (
    SETTLED,
    Act,
    CaseStatus,
    Parts,
    Phase,
    Position,
    Route,
    after,
    opened,
    refusal,
    require_apart,
    require_assigned,
    resubmitted,
)

PACK = load_catalogue().pack("guizhou/2021-05-06")
ROUTE = Route.of(PACK, "srdi_sme", "520102")
COUNTY = Stage(
    id="county_review",
    kind=StageKind.RECOMMENDATION,
    office="county_office",
    name=Text("县级初审", "County review"),
    clause="六(一)",
    official_text="x",
    decisions=tuple(StageDecision),
)
WITH_COUNTIES = Pack.model_validate(
    {
        **{name: getattr(PACK, name) for name in Pack.model_fields},
        "stages": (COUNTY, *PACK.stages),
        "titles": tuple(
            one.model_copy(update={"stages": ("county_review", *one.stages)})
            if one.id == "srdi_sme"
            else one
            for one in PACK.titles
        ),
    }
)


def at(
    stage: str, status: CaseStatus = CaseStatus.IN_REVIEW, phase: Phase | None = None
) -> Position:
    return Position(stage, status, phase)


def test_four_endorsements_lead_to_the_notice() -> None:
    position = opened(ROUTE)
    walked = [(position.stage, position.phase)]
    while position.status is CaseStatus.IN_REVIEW:
        position = after(position, StageDecision.ENDORSE, ROUTE)
        walked.append((position.stage, position.phase))

    assert walked == [
        ("city_recommendation", None),
        ("provincial_screening", None),
        ("expert_evaluation", Phase.FORMING),
        ("determination", None),
        ("public_notice", None),
    ]
    assert position.status is CaseStatus.AWAITING_NOTICE


@pytest.mark.parametrize(
    ("division", "first"),
    [
        ("520102", "county_review"),
        # What applies at its city, and in 贵安新区, has no county before it.
        ("520100", "city_recommendation"),
        ("520900", "city_recommendation"),
    ],
)
def test_a_county_looks_first_where_the_pack_says_so_and_there_is_one(
    division: str, first: str
) -> None:
    route = Route.of(WITH_COUNTIES, "srdi_sme", division)

    position = opened(route)

    assert position.stage == first
    while position.stage != "city_recommendation":
        position = after(position, StageDecision.ENDORSE, route)
    assert route.place_of("city_recommendation") == (1 if division == "520102" else 0)


def test_a_county_recommends_at_its_own_stage_alone() -> None:
    route = Route.of(WITH_COUNTIES, "srdi_sme", "520102")

    assert refusal(Act.RECOMMEND, opened(route), route, {Office.COUNTY}) is None
    assert isinstance(
        refusal(Act.RECOMMEND, opened(route), route, {Office.CITY}), DecisionOutOfTurn
    )
    assert isinstance(
        refusal(Act.RECOMMEND, at("city_recommendation"), route, {Office.COUNTY}),
        DecisionOutOfTurn,
    )


def test_a_corrected_case_goes_on_where_it_was_sent_back() -> None:
    screening = at("provincial_screening")

    returned = after(screening, StageDecision.RETURN, ROUTE)

    assert returned.status is CaseStatus.RETURNED
    assert resubmitted(returned, ROUTE, resumes_at=None) == screening


@pytest.mark.parametrize(
    ("returned_from", "resumes_at", "goes_on_at"),
    [
        ("determination", None, "determination"),
        ("determination", "provincial_screening", "provincial_screening"),
        ("provincial_screening", "provincial_screening", "provincial_screening"),
        ("city_recommendation", "provincial_screening", "city_recommendation"),
        ("determination", "no_such_stage", "determination"),
    ],
)
def test_what_was_changed_is_looked_at_again_from_its_stage_on(
    returned_from: str, resumes_at: str | None, goes_on_at: str
) -> None:
    returned = at(returned_from, CaseStatus.RETURNED)

    assert resubmitted(returned, ROUTE, resumes_at=resumes_at) == at(goes_on_at)


def test_experts_do_not_send_back() -> None:
    with pytest.raises(DecisionNotOffered):
        after(at("expert_evaluation", phase=Phase.SCORING), StageDecision.RETURN, ROUTE)


@given(
    st.sampled_from([stage.id for stage in ROUTE.stages]),
    st.sampled_from(CaseStatus),
    st.sampled_from(StageDecision),
)
def test_only_a_case_in_review_takes_a_decision(
    stage: str, status: CaseStatus, decision: StageDecision
) -> None:
    try:
        position = after(at(stage, status), decision, ROUTE)
    except Problem:
        return

    assert status is CaseStatus.IN_REVIEW
    assert position.status not in SETTLED - {CaseStatus.REJECTED}


@pytest.mark.parametrize(
    ("act", "position", "office", "expected"),
    [
        (Act.RECOMMEND, opened(ROUTE), "city_office", None),
        (Act.ENDORSE, opened(ROUTE), "city_office", ActNotAtThisStage),
        (Act.REJECT, opened(ROUTE), "county_office", OfficeNotInRoute),
        (Act.REJECT, opened(ROUTE), "provincial_office", DecisionOutOfTurn),
        (Act.REJECT, opened(ROUTE), "expert", NotAllowed),
        (Act.SCORE, at("expert_evaluation", phase=Phase.MODERATION), "expert", ActNotInThisPhase),
        (
            Act.MODERATE,
            at("expert_evaluation", phase=Phase.SCORING),
            "provincial_office",
            ActNotInThisPhase,
        ),
        (Act.VISIT, at("determination"), "site_inspector", ActNotAtThisStage),
        (Act.DETERMINE, at("determination"), "decision_meeting", None),
        (
            Act.RECOGNISE,
            at("public_notice", CaseStatus.RECOGNISED),
            "provincial_office",
            ReviewCaseNotOpen,
        ),
        (
            Act.SET_ASIDE,
            at("public_notice", CaseStatus.RECOGNISED),
            "provincial_office",
            ReviewCaseNotOpen,
        ),
        (Act.SET_ASIDE, at("determination", CaseStatus.REJECTED), "provincial_office", None),
    ],
)
def test_each_act_has_its_office_its_stage_and_its_phase(
    act: Act, position: Position, office: str, expected: type[Problem] | None
) -> None:
    found = refusal(act, position, ROUTE, {office})

    assert (None if found is None else type(found)) is expected


def test_a_person_has_one_part_in_a_case() -> None:
    parts = Parts(filed_by=["zhang"], decided_by={"li": "city_recommendation"}, assigned_to=None)

    require_apart("wang", parts)
    for sub in ("zhang", "li"):
        with pytest.raises(SeparationOfDuties):
            require_apart(sub, parts)


def test_a_turn_that_was_assigned_is_one_persons() -> None:
    parts = Parts(filed_by=[], decided_by={}, assigned_to="wang")

    require_assigned("wang", parts)
    require_assigned("li", replace(parts, assigned_to=None))
    with pytest.raises(AssignedToAnother):
        require_assigned("li", parts)
