"""What a list of cases needs before it can be decided in one act."""

from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID

from services.kernel.problems import Problem
from services.kernel.text import Text
from services.review.models import ReviewCase

Errors = list[tuple[str, str, Text]]


def not_ready(
    case_ids: Sequence[UUID],
    cases: Sequence[ReviewCase],
    round_id: UUID | None,
    refusal: Callable[[ReviewCase], Problem | None],
    *,
    pointer: str = "/case_ids/{}",
) -> Errors:
    """Return what keeps a list from being decided: for each place of it, the first thing wrong."""
    found = {case.id: case for case in cases}
    times = Counter(case_ids)
    errors: Errors = []
    for place, case_id in enumerate(case_ids):
        case = found.get(case_id)
        if times[case_id] > 1:
            wrong = "listed_twice", Text("同一审核件列了两次。", "The case is listed twice.")
        elif case is None or (round_id is not None and case.round_id != round_id):
            wrong = "not_in_round", Text("本批次没有该审核件。", "The round has no such case.")
        elif (case.policy_pack, case.title) != (cases[0].policy_pack, cases[0].title):
            wrong = (
                "another_pack",
                Text("政策包或称号不同，须另列名单。", "Its pack or title is another one."),
            )
        else:
            problem = refusal(case)
            if problem is None:
                continue
            wrong = problem.slug.replace("-", "_"), problem.detail
        errors.append((pointer.format(place), *wrong))
    return errors
