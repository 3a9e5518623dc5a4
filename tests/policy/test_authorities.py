"""认定机关: who confers a title is read off the title, not off who issued the rules."""

import pytest

from services.policy.authorities import conferring_body
from services.policy.catalogue import published_catalogue

MINISTRY, GUIZHOU = "工业和信息化部", "贵州省工业和信息化厅"


@pytest.mark.parametrize(
    ("pack", "title", "division", "body"),
    [
        ("guizhou/2021-05-06", "srdi_sme", "520102", GUIZHOU),
        ("guizhou/2021-05-06", "provincial_little_giant", "520900", GUIZHOU),
        ("guizhou/2021-05-06", "national_little_giant", "520102", MINISTRY),
        ("guizhou/2021-05-06", "cultivation_library", "520102", None),
        ("national/2022-08-01", "innovative_sme", "520302", GUIZHOU),
        ("national/2022-08-01", "srdi_sme", "520302", GUIZHOU),
        ("national/2022-08-01", "national_little_giant", "520302", MINISTRY),
        ("national/2026-04-01", "srdi_sme", "520302", GUIZHOU),
        # Whose programme it is there is not known here, and nothing is guessed.
        ("national/2022-08-01", "srdi_sme", "530102", None),
        ("national/2022-08-01", "national_little_giant", "530102", MINISTRY),
    ],
)
def test_a_title_is_conferred_by_the_ministry_or_by_the_province_of_its_holder(
    pack: str, title: str, division: str, body: str | None
) -> None:
    law = published_catalogue().pack(pack).title_named(title)

    assert conferring_body(law, division) == body


def test_the_programme_of_a_province_is_conferred_by_one_of_those_who_issued_its_plan() -> None:
    plan = published_catalogue().pack("guizhou/2021-05-06")

    assert conferring_body(plan.title_named("srdi_sme"), plan.jurisdiction) in plan.issued_by
