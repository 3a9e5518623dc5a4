"""A pack as it is answered to everybody: what of its files the contract shows."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from services.applications import consumers
from services.policy.catalogue import load_catalogue
from tests.builders.services import RunningService, create_intake, running_service


@pytest.fixture
async def intake(owner: URL, tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(
        create_intake(tmp_path),
        owner=owner,
        service="applications",
        subscriptions=(consumers.from_review, consumers.from_registry),
    ) as service:
        yield service


async def test_everybody_reads_which_documents_are_asked_for_and_where(
    intake: RunningService,
) -> None:
    pack = (await intake.anyone().get("/api/v1/packs/guizhou/2021-05-06")).json()

    documents = {one["id"]: one for one in pack["documents"]}
    assert documents["ethnic_craft_proof"] == {
        "id": "ethnic_craft_proof",
        "name": {"zh": "民族工艺品企业证明", "en": "Proof of an ethnic-craft enterprise"},
        "clause": "四.2",
        "official_text": "民族工艺品企业年度营业收入1000万元以上",
        "basis": "方案对民族工艺品企业另定营业收入下限；适用该下限须有证明",
        "note": {
            "zh": "说明主导产品属于民族工艺品，例如主管部门的认定或非物质文化遗产相关证明。",
            "en": "That its leading products are ethnic crafts, such as an authority's finding or"
            " papers on intangible heritage.",
        },
        "titles": ["srdi_sme", "provincial_little_giant"],
        "applies_to": None,
        "is_required": False,
        "required_when": "is_ethnic_craft",
        "media_types": ["application/pdf", "image/jpeg", "image/png", "application/ofd"],
        "max_megabytes": 20,
    }
    assert documents["other_material"]["note"] is None


async def test_every_document_of_every_pack_is_answered_in_its_order(
    intake: RunningService,
) -> None:
    for pack in load_catalogue().packs():
        answer = (await intake.anyone().get(f"/api/v1/packs/{pack.name}")).json()

        assert [one["id"] for one in answer["documents"]] == [one.id for one in pack.documents]
