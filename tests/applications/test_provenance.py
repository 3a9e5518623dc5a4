"""Who gave what and when, the figures by year, and what a submission freezes for good."""

import json
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Any

import httpx
import pytest

from deploy.standalone.papers import one_page_pdf
from services.applications.models import Application, Content, Document
from services.applications.service import _frozen
from services.applications.workflow import ApplicationStatus, Verdict
from services.kernel.clock import day_of
from services.kernel.identifiers import new_id
from services.policy.catalogue import published_catalogue
from tests.applications.conftest import TODAY, Intake, round_body
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller

NATIONAL = "national/2026-04-01"


@pytest.fixture
def county(intake: Intake) -> Caller:
    return intake.service.caller("county_office", region="520102")


@pytest.fixture
def city(intake: Intake) -> Caller:
    return intake.service.caller("city_office", region="520100")


async def edited(caller: Caller, application: dict[str, Any], **facts: Any) -> dict[str, Any]:
    answer = await caller.ask(
        "PATCH",
        f"/applications/{application['id']}",
        json={"facts": facts},
        headers={"If-Match": f'"{application["version"]}"'},
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def submissions(intake: Intake, application: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await intake.enterprise().get(f"/applications/{application['id']}/submissions")
    return list(answer.json()["items"])


# ---------------------------------------------------------------- who gave what


async def test_every_fact_says_who_gave_it_and_when(intake: Intake) -> None:
    draft = await intake.bare_draft()

    given = draft["provenance"]

    assert set(given) == set(draft["facts"])
    assert {json.dumps(one, sort_keys=True) for one in given.values()} == {
        json.dumps(
            {
                "source": "enterprise",
                "by": f"enterprise-{uscc_of(1)}",
                "at": draft["created_at"],
                "region": None,
                "register_name": None,
                "as_of": None,
                "import_id": None,
            },
            sort_keys=True,
        )
    }


async def test_each_fact_keeps_whoever_gave_it_last(
    intake: Intake, county: Caller, city: Caller
) -> None:
    draft = (await county.post("/applications", json=intake.body(1))).json()
    by_the_city = await edited(city, draft, employees=130, niche="精密轴承")
    intake.service.clock.move_to_day(date(2026, 3, 12))

    changed = await edited(intake.enterprise(), by_the_city, niche="轴承", total_assets="61000000")

    given = changed["provenance"]
    sources = {name: (one["source"], one["region"]) for name, one in given.items()}
    assert sources == dict.fromkeys(facts_of(1), ("county_office", "520102")) | {
        "employees": ("city_office", "520100"),
        "niche": ("enterprise", None),
        "total_assets": ("enterprise", None),
    }
    assert given["niche"]["at"].startswith("2026-03-12T01:00:")
    assert given["employees"] == by_the_city["provenance"]["employees"]
    assert given["legal_name"] == draft["provenance"]["legal_name"]


async def test_an_office_under_a_mandate_gives_its_facts_in_its_own_name(
    intake: Intake, county: Caller
) -> None:
    draft = await intake.bare_draft()
    await intake.enterprise().post(
        "/filing-mandates", json={"region": "520102", "valid_until": "2026-12-31"}
    )

    changed = await edited(county, draft, employees=130)

    given = changed["provenance"]
    assert (given["employees"]["source"], given["employees"]["by"]) == (
        "county_office",
        "county_office-520102",
    )
    assert given["employees"]["region"] == "520102"
    assert given["legal_name"]["source"] == "enterprise"


async def test_a_fact_that_is_said_again_stays_whose_it_was(intake: Intake, county: Caller) -> None:
    draft = (await county.post("/applications", json=intake.body(1))).json()

    same = await edited(
        intake.enterprise(), draft, employees=120, total_assets="60000000", own_brands=["示例"]
    )

    assert same["provenance"] == draft["provenance"]
    assert same["updated_at"] == draft["updated_at"]


async def test_a_fact_that_is_taken_out_leaves_no_trace_and_comes_back_as_new(
    intake: Intake, county: Caller
) -> None:
    draft = (await county.post("/applications", json=intake.body(1))).json()

    without = await edited(intake.enterprise(), draft, own_brands=None)
    again = await edited(intake.enterprise(), without, own_brands=["示例"])

    assert "own_brands" not in without["provenance"]
    assert set(without["provenance"]) == set(without["facts"])
    assert again["provenance"]["own_brands"]["source"] == "enterprise"


async def test_a_submission_keeps_who_gave_what_whatever_a_correction_says(
    intake: Intake,
) -> None:
    returned = await intake.returned(1, "total_liabilities", "own_brands")
    intake.service.clock.move_to_day(date(2026, 3, 20))
    colleague = intake.service.caller("enterprise", uscc=uscc_of(1), sub="colleague")
    (before,) = await submissions(intake, returned)

    corrected = await edited(colleague, returned, total_liabilities="23000000.00", own_brands=None)
    await colleague.post(f"/applications/{returned['id']}/submission")

    first, second = await submissions(intake, returned)
    assert first == before
    assert first["provenance"]["total_liabilities"]["by"] == f"enterprise-{uscc_of(1)}"
    assert second["provenance"] == corrected["provenance"]
    assert second["provenance"]["total_liabilities"]["by"] == "colleague"
    assert set(first["provenance"]) - set(second["provenance"]) == {"own_brands"}


async def test_what_was_carried_over_is_given_by_whoever_carried_it_over(
    intake: Intake, county: Caller
) -> None:
    earlier = (await county.post("/applications", json=intake.body(1))).json()
    await intake.attach(county, earlier["id"], "audit_report")
    opened = await intake.province.post("/rounds", json=round_body(code="2026-2"))

    copy = (
        await intake.enterprise().post(
            "/applications",
            json={
                "round_id": opened.json()["id"],
                "kind": "new",
                "facts": {"employees": 150},
                "copied_from": earlier["id"],
            },
        )
    ).json()

    report = (await intake.enterprise().get(f"/applications/{copy['id']}/documents")).json()[
        "items"
    ][1]["document"]
    assert {one["source"] for one in copy["provenance"].values()} == {"enterprise"}
    assert (report["source"], report["given_by"]) == ("enterprise", f"enterprise-{uscc_of(1)}")
    history = await intake.service.history()
    assert history[-1]["data"]["copied_from"] == earlier["id"]


# ---------------------------------------------------------------- figures by year


async def test_figures_stand_by_fiscal_year_the_latest_first(intake: Intake) -> None:
    draft = await intake.bare_draft(
        rd_expense="3000000.00",
        rd_employees=20,
        net_profit="-5.00",
        previous_operating_revenue="45000000.00",
        previous_main_business_revenue="40000000.00",
    )

    assert draft["figures"] == [
        {
            "fiscal_year": 2025,
            "figures": {
                "employees": 120,
                "operating_revenue": "50000000.00",
                "main_business_revenue": "45000000.00",
                "total_assets": "60000000.00",
                "total_liabilities": "24000000.00",
                "rd_expense": "3000000.00",
                "rd_employees": 20,
                "net_profit": "-5.00",
            },
        },
        {
            "fiscal_year": 2024,
            "figures": {
                "operating_revenue": "45000000.00",
                "main_business_revenue": "40000000.00",
            },
        },
    ]


async def test_figures_go_as_far_back_as_the_pack_asks(intake: Intake) -> None:
    opened = await intake.province.post(
        "/rounds", json=round_body(code="2026-N", kinds={"new": NATIONAL})
    )
    facts = {
        "uscc": uscc_of(1),
        "applying_division": "520102",
        "fiscal_year": 2025,
        "operating_revenue": "3.00",
        "previous_operating_revenue": "2.00",
        "before_previous_operating_revenue": "1.00",
    }

    draft = await intake.enterprise().post(
        "/applications", json={"round_id": opened.json()["id"], "kind": "new", "facts": facts}
    )

    assert draft.json()["figures"] == [
        {"fiscal_year": 2025, "figures": {"operating_revenue": "3.00"}},
        {"fiscal_year": 2024, "figures": {"operating_revenue": "2.00"}},
        {"fiscal_year": 2023, "figures": {"operating_revenue": "1.00"}},
    ]


def test_every_figure_of_a_year_that_is_past_says_how_far_back_it_lies() -> None:
    earlier = {
        name.partition("previous_")[0]
        for pack in published_catalogue().packs()
        for name in pack.facts
        if "previous_" in name
    }

    assert earlier == {"", "before_"}


async def test_figures_without_a_fiscal_year_stand_under_none(intake: Intake) -> None:
    draft = await intake.bare_draft(fiscal_year=None)

    assert draft["figures"] == []


# ---------------------------------------------------------------- what a submission freezes


def canonical(content: object) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def recomputed(application: dict[str, Any], of: dict[str, Any], first: dict[str, Any]) -> str:
    """Return the hash of a submission as anybody would compute it who reads the contract."""
    applied_on = day_of(datetime.fromisoformat(first["submitted_at"])).isoformat()
    return canonical(
        {
            "application_id": application["id"],
            "number": of["number"],
            "kind": application["kind"],
            "title": application["title"],
            "uscc": application["uscc"],
            "applied_on": applied_on,
            "policy_pack": of["policy_pack"],
            "pack_checksum": of["pack_checksum"],
            "documents_checksum": of["documents_checksum"],
            "facts": of["facts"],
            "documents": of["documents"],
            "size_determination": of["size_determination"],
        }
    )


async def replaced(
    intake: Intake, application: dict[str, Any], kind: str, sentence: str
) -> httpx.Response:
    path = f"/applications/{application['id']}/documents/{kind}"
    was = await intake.enterprise().get(path)
    return await intake.attach(
        intake.enterprise(),
        application["id"],
        kind,
        content=one_page_pdf(sentence),
        **{"If-Match": was.headers["ETag"]},
    )


async def test_anybody_can_recompute_what_each_submission_froze(intake: Intake) -> None:
    intake.service.clock.move_to_day(TODAY, time(0, 30))
    returned = await intake.returned(1, "total_liabilities", "audit_report")
    intake.service.clock.move_to_day(date(2026, 3, 20))
    await replaced(intake, returned, "audit_report", "corrected")
    await edited(intake.enterprise(), returned, total_liabilities="23000000.00")
    await intake.enterprise().post(f"/applications/{returned['id']}/submission")

    first, second = await submissions(intake, returned)
    events = await intake.service.events()
    history = await intake.service.history()

    hashes = [recomputed(returned, one, first) for one in (first, second)]
    assert [one["snapshot_sha256"] for one in (first, second)] == hashes
    assert [one["data"]["snapshot_sha256"] for one in events] == hashes
    frozen = [one["data"] for one in history if one["action"] == "submitted"]
    assert [one["snapshot_sha256"] for one in frozen] == hashes
    assert [one["facts_sha256"] for one in (first, second)] == [
        canonical(one["facts"]) for one in (first, second)
    ]
    assert second["document_changes"] == [
        {
            "document": "audit_report",
            "before": sha256(one_page_pdf("audit_report")).hexdigest(),
            "after": sha256(one_page_pdf("corrected")).hexdigest(),
        }
    ]


async def test_an_officers_determination_can_be_recomputed_too(
    intake: Intake, city: Caller
) -> None:
    draft = await intake.draft()
    await city.ask(
        "PUT",
        f"/applications/{draft['id']}/size-determination",
        json={"size": "small", "legal_basis": "《金融业企业划型标准规定》（银发〔2015〕309号）"},
        headers={"If-Match": f'"{draft["version"]}"'},
    )
    await intake.enterprise().post(f"/applications/{draft['id']}/submission")

    (one,) = await submissions(intake, draft)

    assert one["size_determination"]["size"] == "small"
    assert one["snapshot_sha256"] == recomputed(draft, one, one)


async def test_what_was_submitted_is_answered_the_same_after_every_later_change(
    intake: Intake,
) -> None:
    returned = await intake.returned(1, "total_liabilities", "audit_report", "applying_division")
    before = await submissions(intake, returned)

    await replaced(intake, returned, "audit_report", "corrected")
    changed = await edited(
        intake.enterprise(), returned, total_liabilities="1.00", applying_division="520103"
    )
    await intake.enterprise().post(
        f"/applications/{changed['id']}/withdrawal", json={"reason": "经营调整"}
    )

    assert await submissions(intake, returned) == before
    was = await intake.enterprise().get(
        f"/applications/{returned['id']}/submissions/1/documents/audit_report"
    )
    assert was.content == one_page_pdf("audit_report")


def application(**changed: Any) -> Application:
    now = datetime(2026, 3, 10, 1, tzinfo=UTC)
    values: dict[str, Any] = {
        "id": new_id(),
        "round_id": new_id(),
        "kind": "new",
        "title": "srdi_sme",
        "policy_pack": PACK,
        "uscc": uscc_of(1),
        "division": "520102",
        "status": ApplicationStatus.DRAFT,
        "facts": facts_of(1),
        "provenance": {},
        "submission_number": 0,
        "applied_on": TODAY,
        "opened": [],
        "return_reason": None,
        "remarks": [],
        "size_determination": None,
        "created_by": "enterprise",
        "filed_region": None,
        "confirmed_at": now,
        "confirmed_by": "enterprise",
        "mandate_id": None,
        "created_at": now,
        "updated_at": now,
    }
    return Application(**values | changed)


def document(kind: str, **changed: Any) -> Document:
    now = datetime(2026, 3, 10, 1, tzinfo=UTC)
    content = Content(
        sha256=changed.pop("sha256", "a" * 64),
        size=changed.pop("size", 10),
        kept_at=now,
        verdict=changed.pop("verdict", None),
    )
    return Document(
        id=new_id(),
        kind=kind,
        sha256=content.sha256,
        content=content,
        media_type=changed.pop("media_type", "application/pdf"),
        file_name=changed.pop("file_name", None),
        given_by="enterprise",
        source="enterprise",
        given_at=now,
        replaced_at=None,
        **changed,
    )


def snapshot(of: Application, *documents: Document, submitted_by: str = "enterprise") -> str:
    return _frozen(
        of,
        published_catalogue().pack(of.policy_pack),
        documents,
        submitted_at=datetime(2026, 3, 10, 1, tzinfo=UTC),
        submitted_by=submitted_by,
    ).snapshot_sha256


def test_every_change_of_a_fact_a_document_or_a_pack_changes_the_snapshot() -> None:
    same = new_id()
    facts = facts_of(1)
    papers = [document("audit_report"), document("business_licence")]
    size = {
        "size": "small",
        "legal_basis": "银发〔2015〕309号",
        "determined_by": "city",
        "determined_at": "2026-03-10T01:00:00Z",
    }

    others = [
        *(application(id=same, facts={**facts, name: "changed"}) for name in facts),
        *(
            application(id=same, facts={one: facts[one] for one in facts if one != name})
            for name in facts
        ),
        application(id=same, facts={**facts, "niche": "轴承"}),
        application(id=same, kind="renewal"),
        application(id=same, title="provincial_little_giant"),
        application(id=same, uscc=uscc_of(2)),
        application(id=same, applied_on=date(2026, 3, 11)),
        application(id=same, submission_number=1),
        application(id=same, policy_pack="national/2022-08-01"),
        application(id=same, size_determination=size),
        application(id=same, size_determination=size | {"size": "micro"}),
        application(),
    ]
    with_other_papers = [
        [],
        papers[:1],
        [papers[0], document("business_licence", sha256="b" * 64)],
        [papers[0], document("business_licence", file_name="执照.pdf")],
        [papers[0], document("business_licence", size=11)],
        [papers[0], document("business_licence", media_type="image/png")],
        [*papers, document("other_material")],
    ]

    hashes = [snapshot(application(id=same), *papers)]
    hashes += [snapshot(one, *papers) for one in others]
    hashes += [snapshot(application(id=same), *some) for some in with_other_papers]
    assert len(set(hashes)) == len(hashes)


def test_what_says_nothing_of_the_application_leaves_the_snapshot_as_it_is() -> None:
    same = new_id()
    papers = [document("audit_report"), document("business_licence")]
    plain = snapshot(application(id=same), *papers)

    reordered = application(id=same, facts=dict(reversed(facts_of(1).items())))
    elsewhere = application(id=same, provenance={"uscc": {"by": "somebody"}}, created_by="x")

    assert snapshot(reordered, *reversed(papers)) == plain
    assert snapshot(elsewhere, *(document(one.kind) for one in papers)) == plain
    assert snapshot(application(id=same), *papers, submitted_by="another") == plain
    infected = document("other_material", verdict=Verdict.INFECTED)
    assert snapshot(application(id=same), *papers, infected) == plain
