"""The public register's own short way finds what the register's search finds."""

from datetime import date
from typing import Any

import pytest

from services.registry.common_parts import CommonParts
from tests.builders.enterprises import uscc_of
from tests.registry.conftest import Registry
from tests.registry.test_recognitions import national

NAMES = (
    "贵阳云岭精密机械有限公司",
    "贵阳云岭食品有限公司",
    "遵义黔北新材料有限责任公司",
    "遵义黔北ＡＢＣ（集团）有限公司",
    "安顺100%_酒业有限公司",
    "凯里云岭银饰有限公司",
    "铜仁云上云科技有限公司",
)
PARTS = (
    "云岭",
    "有限公司",
    "云",
    "abc(集团)",
    "%_酒",
    "没有的",
    "岭精密",
    "公司",
    "915201",
    "云上云",
)


async def fill(registry: Registry) -> None:
    for serial, name in enumerate(NAMES, start=1):
        answer = await registry.officer().post(
            "/recognitions", json=national(serial, legal_name=name)
        )
        assert answer.status_code == 201, answer.text
    # One that holds nothing today, and one that nobody is to see.
    lost = await registry.recognised(20, on=date(2022, 1, 10), legal_name="云岭过期有限公司")
    assert lost
    await registry.recognised(21, legal_name="云岭保密有限公司", is_secret_involved=True)
    renamed = await registry.officer().post(
        f"/enterprises/{uscc_of(3)}/changes",
        json={
            "kind": "rename",
            "happened_on": "2026-06-01",
            "new_name": "遵义云岭新材料有限责任公司",
            "document_number": "示例变更〔2026〕3号",
        },
    )
    assert renamed.status_code == 201, renamed.text


async def public(registry: Registry, **asked: Any) -> list[str]:
    """Page through the public register, two at a time."""
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        answer = await registry.service.client.get(
            "/api/v1/public/enterprises", params={"limit": 2, **asked, **after}
        )
        assert answer.status_code == 200, answer.text
        found += [one["uscc"] for one in answer.json()["items"]]
        if answer.json()["next"] is None:
            return found
        after = {"after": answer.json()["next"]}


async def searched(registry: Registry, **asked: Any) -> list[str]:
    answer = await registry.partner.get(
        "/enterprises", params={"valid_on": registry.today.isoformat(), "limit": 200, **asked}
    )
    return [one["uscc"] for one in answer.json()["items"]]


@pytest.mark.parametrize("is_common", [False, True])
async def test_both_searches_find_the_same_whichever_way_they_go(
    registry: Registry, *, is_common: bool
) -> None:
    await fill(registry)
    parts: CommonParts = registry.service.app.state.common_parts
    if is_common:
        # As in a large register, where these stand in one name of two.
        parts._common = frozenset({"云岭", "有限", "限公", "公司", "云"})
        parts._counted_at = float("inf")

    for part in PARTS:
        for more in ({}, {"region": "520100"}, {"title": "srdi_sme"}):
            assert await public(registry, q=part, **more) == await searched(
                registry, q=part, **more
            ), (part, more)
    assert await public(registry) == await searched(registry)
    assert await public(registry, q="云岭") == [uscc_of(serial) for serial in (1, 2, 3, 6)]
    assert await public(registry, q="黔北新材") == [uscc_of(3)]


async def test_nobody_finds_what_is_secret_or_over(registry: Registry) -> None:
    await fill(registry)

    for part in ("保密", "过期", uscc_of(20), uscc_of(21)):
        assert await public(registry, q=part) == []
