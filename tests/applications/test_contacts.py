"""Whom to call: checked, masked, disclosed for a reason, and written down in one place only."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.applications.contacts import NewContact, checked_contact, masked
from services.applications.problems import ContactInvalid
from services.contracts.review import CaseReceived, CaseRecognised, CaseRejected, CaseReturned
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Scope
from tests.applications.conftest import CONTACT, Intake
from tests.builders.enterprises import PACK, uscc_of
from tests.builders.services import Caller

WHOLE = {
    "name": "欧阳示例",
    "position": "财务总监",
    "phone": "138 8501 2345",
    "email": "ouyang.shili@example.com",
}
MASKED = {
    "name": "欧**",
    "position": "财务总监",
    "phone": "138 **** 2345",
    "email": "o***@example.com",
}
TRACES = ("13885012345", "8501", "ouyang", "欧阳")


def slug(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


async def put(
    caller: Caller, application: Mapping[str, Any], body: Mapping[str, Any], tag: str | None = None
) -> httpx.Response:
    return await caller.ask(
        "PUT",
        f"/applications/{application['id']}/contact",
        json=dict(body),
        headers={} if tag is None else {"If-Match": tag},
    )


async def read(caller: Caller, application: Mapping[str, Any]) -> httpx.Response:
    return await caller.get(f"/applications/{application['id']}/contact")


async def disclose(
    caller: Caller, application: Mapping[str, Any], reason: str = "电话核实审计报告", **headers: str
) -> httpx.Response:
    return await caller.post(
        f"/applications/{application['id']}/contact/disclosures",
        json={"reason": reason},
        headers=headers,
    )


async def without_contact(intake: Intake, serial: int = 1) -> dict[str, Any]:
    body = intake.body(serial)
    del body["contact"]
    answer = await intake.enterprise(serial).post("/applications", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def shown(answer: httpx.Response) -> dict[str, Any]:
    return {name: answer.json()[name] for name in WHOLE}


# ---------------------------------------------------------------- what can be used


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"name": ""}, {("/name", "missing")}),
        ({"name": " \u3000 "}, {("/name", "missing")}),
        ({"phone": " "}, {("/phone", "missing")}),
        ({"phone": "call me"}, {("/phone", "not_a_phone_number")}),
        ({"phone": "1"}, {("/phone", "not_a_phone_number")}),
        ({"phone": "0851-86891234 / 13885012345"}, {("/phone", "not_a_phone_number")}),
        ({"phone": "0851-868912345678"}, {("/phone", "not_a_phone_number")}),
        ({"phone": "+999 12345678"}, {("/phone", "not_a_phone_number")}),
        ({"phone": "13885012345" * 4}, {("/phone", "too_long"), ("/phone", "not_a_phone_number")}),
        ({"email": "wang"}, {("/email", "not_an_email")}),
        ({"email": "wang@"}, {("/email", "not_an_email")}),
        ({"email": "wang@example"}, {("/email", "not_an_email")}),
        ({"email": "王 <wang@example.com>"}, {("/email", "not_an_email")}),
        ({"email": "a@example.com, b@example.com"}, {("/email", "not_an_email")}),
        ({"email": "wang@example.com\r\nBcc: x@example.com"}, {("/email", "not_an_email")}),
        ({"name": "王" * 101}, {("/name", "too_long")}),
        ({"position": "长" * 101}, {("/position", "too_long")}),
        (
            {"name": "", "phone": "x", "email": "y"},
            {("/name", "missing"), ("/phone", "not_a_phone_number"), ("/email", "not_an_email")},
        ),
    ],
)
async def test_everything_that_is_wrong_is_named_at_once_and_repeated_nowhere(
    intake: Intake, given: dict[str, str], wrong: set[tuple[str, str]]
) -> None:
    draft = await without_contact(intake)

    refused = await put(intake.enterprise(), draft, CONTACT | given)

    assert (refused.status_code, slug(refused)) == (422, "contact-invalid")
    assert {(one["pointer"], one["code"]) for one in refused.json()["errors"]} >= wrong - {
        ("/phone", "not_a_phone_number")
    }
    assert {one["pointer"] for one in refused.json()["errors"]} == {place for place, _ in wrong}
    assert not any(
        len(sent) > 1 and sent.strip() and sent in refused.text for sent in given.values()
    )
    assert (await read(intake.enterprise(), draft)).status_code == 404


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"name": "王示例"}, "malformed-request"),
        ({"name": "王示例", "phone": 13885012345}, "malformed-request"),
        ({"name": "王示例", "phone": None}, "malformed-request"),
        (CONTACT | {"wechat": "wang"}, "unknown-field"),
        (CONTACT | {"name": "a" * 201}, "malformed-request"),
        (CONTACT | {"name": "王\0示例"}, "malformed-request"),
    ],
)
async def test_what_is_no_contact_at_all_is_malformed(
    intake: Intake, body: dict[str, Any], problem: str
) -> None:
    draft = await without_contact(intake)

    refused = await put(intake.enterprise(), draft, body)

    assert (refused.status_code, slug(refused)) == (422, problem)


async def test_a_bad_contact_spoils_the_whole_new_application(intake: Intake) -> None:
    body = intake.body(1) | {"contact": CONTACT | {"phone": "call me"}}

    refused = await intake.enterprise().post("/applications", json=body)

    assert (refused.status_code, slug(refused)) == (422, "contact-invalid")
    assert (await intake.enterprise().get("/applications")).json()["items"] == []


@pytest.mark.parametrize(
    ("dialled", "spelled"),
    [
        ("13885012345", "138 8501 2345"),
        (" 138-8501-2345 ", "138 8501 2345"),
        ("１３８８５０１２３４５", "138 8501 2345"),
        ("+86 13885012345", "138 8501 2345"),
        ("0086-138-8501-2345", "138 8501 2345"),
        ("+86 0851 8689-1234", "0851 8689 1234"),
        ("(+86) 0851-8689-1234", "0851 8689 1234"),
        ("0851-86891234", "0851 8689 1234"),
        ("0851-8689-1234", "0851 8689 1234"),
        ("0851-86891234-801", "0851 8689 1234 ext. 801"),
        ("0851-86891234转801", "0851 8689 1234 ext. 801"),
        ("0851-86891234 转 801", "0851 8689 1234 ext. 801"),
        ("0851-86891234#801", "0851 8689 1234 ext. 801"),
        ("010-62345678-1", "010 6234 5678 ext. 1"),
        ("400-600-1234", "400 600 1234"),
        ("+1 650-253-0000", "+1 650-253-0000"),
        ("+1 650-253-0000 ext. 12", "+1 650-253-0000 ext. 12"),
    ],
)
def test_a_number_is_kept_in_one_spelling_with_every_digit_of_it(
    dialled: str, spelled: str
) -> None:
    contact = checked_contact({"name": "王", "phone": dialled})

    assert contact.phone == spelled
    assert checked_contact({"name": "王", "phone": spelled}).phone == spelled


@pytest.mark.parametrize("email", ["wang@示例.中国", "WANG@EXAMPLE.COM", "w+srdi@example.com"])
def test_an_address_that_people_have_is_accepted(email: str) -> None:
    contact = checked_contact({"name": "王", "phone": "13885012345", "email": email})

    assert contact.email is not None
    assert contact.email.casefold() == email.casefold()


@pytest.mark.parametrize(
    ("phone", "email", "masked_phone", "masked_email"),
    [
        ("138 8501 2345", "w@example.com", "138 **** 2345", "w***@example.com"),
        ("0851 8689 1234", None, "085* **** 1234", None),
        ("8689 1234", None, "8*** ****", None),
        ("12345", None, "1****", None),
        ("+1 650-253-0000", "wang@a@example.com", "+1 65*-***-0000", "w***@example.com"),
        ("0851 8689 1234 ext. 801", None, "085* **** ***4 ext. 801", None),
    ],
)
def test_what_is_left_of_a_contact_tells_nobody_whom_to_call(
    phone: str, email: str | None, masked_phone: str, masked_email: str | None
) -> None:
    shown = masked(NewContact(name="王", position=None, phone=phone, email=email))

    assert shown == NewContact(name="王**", position=None, phone=masked_phone, email=masked_email)


def test_a_refusal_lists_no_more_than_what_is_wrong() -> None:
    with pytest.raises(ContactInvalid) as refused:
        checked_contact({"name": "王", "phone": None, "email": ""})

    assert [(pointer, code) for pointer, code, _ in refused.value.errors] == [("/phone", "missing")]


# ---------------------------------------------------------------- giving and changing


async def test_a_contact_is_needed_and_where_it_is_missing_is_said(intake: Intake) -> None:
    draft = await without_contact(intake)
    await intake.attach_needed(intake.enterprise(), draft["id"])
    path = f"/applications/{draft['id']}"

    refused = await intake.enterprise().post(f"{path}/submission")
    given = await put(intake.enterprise(), draft, WHOLE)
    now = (await intake.enterprise().get(path)).json()
    submitted = await intake.enterprise().post(f"{path}/submission")

    assert [one["pointer"] for one in refused.json()["errors"]] == ["/contact"]
    assert given.status_code == 200
    assert (now["missing"], now["completeness"]) == ([], 100)
    assert submitted.status_code == 200


async def test_nobody_replaces_a_contact_that_they_have_not_read(intake: Intake) -> None:
    draft = await without_contact(intake)
    me = intake.enterprise()

    nothing_there = await put(me, draft, CONTACT, '"1"')
    first = await put(me, draft, CONTACT)
    blind = await put(me, draft, WHOLE)
    nonsense = await put(me, draft, WHOLE, "*")
    right = await put(me, draft, WHOLE, first.headers["ETag"])
    stale = await put(me, draft, CONTACT, first.headers["ETag"])

    assert (nothing_there.status_code, slug(nothing_there)) == (412, "stale")
    assert first.status_code == 200
    assert (blind.status_code, slug(blind)) == (428, "precondition-required")
    assert (nonsense.status_code, slug(nonsense)) == (412, "stale")
    assert right.status_code == 200
    assert right.headers["ETag"] != first.headers["ETag"]
    assert (stale.status_code, slug(stale)) == (412, "stale")
    assert shown(await read(me, draft)) == WHOLE


async def test_of_two_who_give_the_first_contact_at_once_one_is_told(intake: Intake) -> None:
    draft = await without_contact(intake)

    answers = await asyncio.gather(
        *(put(intake.enterprise(), draft, body) for body in (WHOLE, CONTACT, WHOLE))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 428, 428]


async def test_only_who_files_may_say_whom_to_call(intake: Intake) -> None:
    draft = await without_contact(intake)
    call = intake.service.caller

    statuses = [
        (await put(caller, draft, CONTACT)).status_code
        for caller in (
            intake.enterprise(2),
            call("county_office", region="520103"),
            call("city_office", region="520100"),
            intake.province,
            call("auditor", region="520000"),
            call("enterprise", uscc=uscc_of(1), scopes=frozenset({Scope.APPLICATIONS_READ})),
        )
    ]

    assert statuses == [404, 404, 409, 403, 403, 403]
    assert (await read(intake.enterprise(), draft)).status_code == 404


def which(application: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uscc": uscc_of(1),
        "region": "520102",
        "is_secret": False,
        "case_id": new_id(),
        "application_id": UUID(application["id"]),
        "title": "srdi_sme",
        "round_code": "2026-1",
    }


async def test_a_new_telephone_is_no_correction_until_the_application_is_decided(
    intake: Intake,
) -> None:
    submitted = await intake.submitted()
    me, case = intake.enterprise(), which(submitted)

    while_submitted = await put(me, submitted, WHOLE, '"1"')
    await intake.service.deliver(
        "review", CaseReceived(**case, stage="city_recommendation", submission_number=1)
    )
    while_reviewed = await put(me, submitted, CONTACT, while_submitted.headers["ETag"])
    await intake.service.deliver(
        "review",
        CaseReturned(
            **case, stage="city_recommendation", submission_number=1, reason="核对", remarks=[]
        ),
    )
    while_returned = await put(me, submitted, WHOLE, while_reviewed.headers["ETag"])

    assert [one.status_code for one in (while_submitted, while_reviewed, while_returned)] == [
        200,
        200,
        200,
    ]


@pytest.mark.parametrize("how", ["recognised", "rejected", "withdrawn"])
async def test_after_the_decision_nothing_is_changed_and_offices_may_still_call(
    intake: Intake, how: str
) -> None:
    submitted = await intake.submitted()
    me, case = intake.enterprise(), which(submitted)
    if how == "recognised":
        await intake.service.deliver(
            "review",
            CaseRecognised(
                **case,
                kind="new",
                policy_pack=PACK,
                legal_name="示例",
                document_number="示例〔2026〕3号",
                decided_on=intake.service.clock.today(),
                facts=submitted["facts"],
            ),
        )
    elif how == "rejected":
        await intake.service.deliver(
            "review", CaseRejected(**case, stage="city_recommendation", reason="不符合条件")
        )
    else:
        await me.post(f"/applications/{submitted['id']}/withdrawal", json={"reason": "经营调整"})

    refused = await put(me, submitted, WHOLE, '"1"')
    told = await disclose(intake.province, submitted)
    (action,) = (
        one
        for one in (await me.get(f"/applications/{submitted['id']}")).json()["available_actions"]
        if one["action"] == "set_contact"
    )

    assert refused.status_code == 409
    assert action["enabled"] is False
    assert shown(await read(me, submitted))["name"] == CONTACT["name"]
    assert told.status_code == 200


# ---------------------------------------------------------------- who sees what


async def test_an_office_sees_a_masked_contact_and_the_enterprise_its_own(intake: Intake) -> None:
    draft = await without_contact(intake)
    call = intake.service.caller
    given = await put(intake.enterprise(), draft, WHOLE)
    offices = [
        call("county_office", region="520102"),
        call("city_office", region="520100"),
        intake.province,
        call("auditor", region="520000"),
    ]

    own = await read(intake.enterprise(), draft)
    seen = [await read(office, draft) for office in offices]

    assert shown(own) == shown(given) == WHOLE
    assert own.json()["is_masked"] is False
    assert [shown(answer) for answer in seen] == [MASKED] * 4
    assert {answer.json()["is_masked"] for answer in seen} == {True}
    assert {answer.headers["ETag"] for answer in seen} == {own.headers["ETag"]}


async def test_strangers_do_not_even_learn_that_there_is_a_contact(intake: Intake) -> None:
    draft = await without_contact(intake)
    await put(intake.enterprise(), draft, WHOLE)
    call = intake.service.caller
    strangers = [
        (intake.enterprise(2), 404),
        (call("county_office", region="520103"), 404),
        (call("city_office", region="520300"), 404),
        (call("finance_office", region="520000"), 403),
        (call("expert", region="520000"), 403),
        (Caller(client=intake.service.client, token=""), 401),
    ]

    read_by = [(await read(stranger, draft)).status_code for stranger, _ in strangers]
    told = [(await disclose(stranger, draft)).status_code for stranger, _ in strangers]

    # An enterprise is told nothing of anybody's contact; its own it reads whole.
    assert read_by == [status for _, status in strangers]
    assert told == [403, *read_by[1:]]
    assert {(await disclose(intake.enterprise(), draft)).status_code} == {403}


async def test_an_office_is_told_the_whole_contact_for_a_reason_that_the_enterprise_reads(
    intake: Intake,
) -> None:
    draft = await without_contact(intake)
    await put(intake.enterprise(), draft, WHOLE)
    city = intake.service.caller("city_office", region="520100")

    told = await disclose(city, draft, "电话核实审计报告")
    masked_again = await read(city, draft)
    timeline = await intake.enterprise().get(f"/applications/{draft['id']}/timeline")

    assert told.status_code == 200
    assert shown(told) == WHOLE
    assert told.json()["is_masked"] is False
    assert shown(masked_again) == MASKED
    last = timeline.json()["items"][-1]
    assert (last["action"], last["reason"]) == ("contact_disclosed", "电话核实审计报告")
    assert "city_office-520100" in str(last)
    assert await intake.service.chain_is_sound()


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": " x "}, {"reason": None}])
async def test_without_a_reason_nobody_is_told(intake: Intake, body: dict[str, Any]) -> None:
    draft = await without_contact(intake)
    await put(intake.enterprise(), draft, WHOLE)
    before = len(await intake.service.history())

    refused = await intake.province.post(
        f"/applications/{draft['id']}/contact/disclosures", json=body
    )

    assert (refused.status_code, slug(refused)) == (422, "malformed-request")
    assert not any(trace in refused.text for trace in TRACES)
    assert len(await intake.service.history()) == before


async def test_an_auditor_who_may_not_write_is_told_nothing_whole(intake: Intake) -> None:
    draft = await without_contact(intake)
    await put(intake.enterprise(), draft, WHOLE)
    read_only = intake.service.caller(
        "city_office", region="520100", scopes=frozenset({Scope.APPLICATIONS_READ})
    )

    refused = [
        await disclose(intake.service.caller("auditor", region="520000"), draft),
        await disclose(read_only, draft),
    ]

    assert {(one.status_code, slug(one)) for one in refused} == {(403, "not-allowed")}


async def test_where_there_is_no_contact_there_is_none_to_tell(intake: Intake) -> None:
    draft = await without_contact(intake)

    answers = [await read(intake.province, draft), await disclose(intake.province, draft)]

    assert {(one.status_code, slug(one)) for one in answers} == {(404, "contact-not-found")}


# ---------------------------------------------------------------- one place only


async def rows_that_hold(intake: Intake, trace: str) -> set[str]:
    """Return the tables, of all schemas, in which a row says this anywhere."""
    engine = create_async_engine(intake.service.owner, poolclass=NullPool)
    async with engine.connect() as connection:
        tables = await connection.execute(
            text(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            )
        )
        found = set()
        for (table,) in tables:
            # Once as it stands there, and once without what stands between digits.
            holds = await connection.scalar(
                text(
                    f"SELECT EXISTS (SELECT FROM {table} AS of WHERE of::text LIKE :trace"
                    r" OR regexp_replace(of::text, '[\s-]', '', 'g') LIKE :trace)"
                ),
                {"trace": f"%{trace}%"},
            )
            if holds:
                found.add(str(table))
    await engine.dispose()
    return found


async def test_a_contact_is_written_down_in_one_table_and_said_in_no_other_answer(
    intake: Intake,
) -> None:
    me, city = intake.enterprise(), intake.service.caller("city_office", region="520100")
    body = intake.body(1) | {"contact": WHOLE}
    key = {"Idempotency-Key": "one"}
    started = await me.ask("POST", "/applications", json=body, headers=key)
    draft = started.json()
    path = f"/applications/{draft['id']}"
    replaced = await put(me, draft, WHOLE | {"position": "董事长"}, '"1"')
    await intake.attach_needed(me, draft["id"])
    submitted = await me.ask("POST", f"{path}/submission", headers=key | {"Idempotency-Key": "two"})
    told = await disclose(city, draft, **{"Idempotency-Key": "three"})
    await me.post(f"{path}/withdrawal", json={"reason": "经营调整"})

    answers = [
        await caller.get(f"{path}{rest}")
        for caller in (city, intake.province, me)
        for rest in ("", "/timeline", "/submissions", "/documents", "/eligibility")
    ] + [await city.get(f"{path}/contact"), await city.get("/applications"), started, submitted]

    assert (replaced.status_code, submitted.status_code, told.status_code) == (200, 200, 200)
    assert {answer.status_code for answer in answers} == {200, 201}
    for trace in ("13885012345", "ouyang", "欧阳"):
        assert await rows_that_hold(intake, trace) == {"applications.contacts"}
        assert not any(trace in answer.text.replace(" ", "") for answer in answers)
    assert "contact_disclosed" in {row["action"] for row in await intake.service.history()}


async def test_a_disclosure_that_is_asked_for_again_is_told_again_and_noted_again(
    intake: Intake,
) -> None:
    """An idempotency record would be the contact once more, where nobody looks for it."""
    draft = await without_contact(intake)
    await put(intake.enterprise(), draft, WHOLE)
    key = {"Idempotency-Key": "the same"}

    told = [await disclose(intake.province, draft, **key) for _ in range(2)]

    assert [shown(answer) for answer in told] == [WHOLE, WHOLE]
    assert [row["action"] for row in await intake.service.history()][-2:] == [
        "contact_disclosed"
    ] * 2


async def test_two_enterprises_have_two_contacts(intake: Intake) -> None:
    one, other = await without_contact(intake, 1), await without_contact(intake, 2)
    await put(intake.enterprise(1), one, WHOLE)
    await put(intake.enterprise(2), other, CONTACT)

    names = [
        shown(await read(intake.enterprise(serial), application))["name"]
        for serial, application in ((1, one), (2, other))
    ]

    assert names == [WHOLE["name"], CONTACT["name"]]
