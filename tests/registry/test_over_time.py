"""Every day, as it was known at every instant: nothing that was answered once is rewritten."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.contracts.review import CaseRejected, CaseRestored
from services.kernel.clock import PROVINCE_TIME
from services.kernel.identifiers import new_id
from services.registry.verification import verify
from services.registry.workflow import COUNTS, RecognitionStatus
from tests.builders.enterprises import facts_of, uscc_of
from tests.registry.conftest import Registry

BEGUN = date(2026, 1, 5)
SERIALS = count(5000)
TITLE = "srdi_sme"


def three_years(day: date) -> date:
    """Return the last day of three years, reckoned here by hand: 29 February counts as 1 March."""
    if (day.month, day.day) == (2, 29):
        return date(day.year + 3, 2, 28)
    return day.replace(year=day.year + 3) - timedelta(days=1)


def half_a_year_before(day: date) -> date:
    year, month = (day.year, day.month - 6) if day.month > 6 else (day.year - 1, day.month + 6)
    while True:
        try:
            return date(year, month, day.day)
        except ValueError:
            day -= timedelta(days=1)


@dataclass
class Told:
    """One thing that happened: on which day, since when it was on record, and what."""

    on: date
    at: datetime
    what: str
    value: Any = None


@dataclass
class Story:
    """What a careful clerk writes down of one enterprise, to be read again from the start."""

    serial: int
    told: list[Told] = field(default_factory=list)
    terms: list[tuple[date, date]] = field(default_factory=list)
    open_filing: UUID | None = None
    filed_on: dict[UUID, date] = field(default_factory=dict)
    rejected: UUID | None = None
    is_revoked: bool = False
    name: int = 0

    def tell(self, on: date, at: datetime, what: str, value: Any = None) -> None:
        self.told.append(Told(on, at, what, value))

    def replay(self, day: date, at: datetime | None) -> tuple[str | None, str | None]:
        """Go through the days one by one. Return the state and the name on the last of them."""
        known = [one for one in self.told if at is None or one.at <= at]
        last_end = max((one.value[1] for one in known if one.what == "term"), default=None)
        is_revoked, ends, filed, name = False, None, set(), None
        today = min((one.on for one in known), default=day)
        while today <= day:
            for one in known:
                if one.on != today:
                    continue
                match one.what:
                    case "term":
                        ends = one.value[1]
                    case "filed" | "reopened":
                        filed.add(one.value)
                    case "settled":
                        filed.discard(one.value)
                    case "revoked":
                        is_revoked = True
                    case "name":
                        name = one.value
            today += timedelta(days=1)
        if ends is None:
            return None, name
        # Material that came when the term was over already does not bring it back.
        in_time = [one for one in filed if self.filed_on[one] <= ends]
        state = within_or_after(day, ends, is_last=ends == last_end, is_filed=bool(in_time))
        return ("revoked" if is_revoked else state), name


def within_or_after(day: date, ends: date, *, is_last: bool, is_filed: bool) -> str:
    if day <= ends:
        is_due = is_last and half_a_year_before(ends + timedelta(days=1)) <= day
        return "renewal_due" if is_due else "valid"
    return "awaiting_renewal" if is_filed else "lapsed"


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["file", "renew", "reject", "restore", "revoke", "rename", "rename_back", "wait"]
        ),
        st.sampled_from([1, 29, 90, 181, 200, 366]),
        st.integers(0, 40),
    ),
    min_size=3,
    max_size=9,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(begun=st.sampled_from([BEGUN, date(2028, 2, 29), date(2027, 3, 1)]), acts=steps)
@example(begun=BEGUN, acts=[("wait", 366, 0)] * 3 + [("file", 29, 0), ("renew", 29, 0)])
@example(begun=BEGUN, acts=[("wait", 366, 0)] * 2 + [("file", 200, 0), ("renew", 366, 0)])
async def test_as_of_every_day_equals_a_replay_and_no_answer_is_ever_rewritten(
    registry: Registry, begun: date, acts: list[tuple[str, int, int]]
) -> None:
    clock, story = registry.service.clock, Story(next(SERIALS))
    clock.move_to_day(begun)
    recognition_id = await registry.recognised(story.serial, on=begun)
    story.terms.append((begun, three_years(begun)))
    story.tell(begun, clock.now(), "term", story.terms[0])
    story.tell(begun, clock.now(), "name", facts_of(story.serial)["legal_name"])
    answered: list[tuple[date, datetime, Any]] = []

    for act, days, back in acts:
        clock.move_to_day(clock.today() + timedelta(days=days))
        await take_place(registry, story, recognition_id, act, back)
        instant = clock.now()
        for day in telling_days(story, clock.today()):
            answer = await ask(registry, story, day, instant)
            answered.append((day, instant, answer))
            assert (answer["status"], answer["name"]) == story.replay(day, instant), (day, act)

    for day, instant, answer in answered:
        assert await ask(registry, story, day, instant) == answer
        assert (answer["status"], answer["name"]) == story.replay(day, instant)
    for day in telling_days(story, clock.today()):
        status, _ = story.replay(day, None)
        (one,) = await verify(
            registry.service.database,
            [(uscc_of(story.serial), TITLE)],
            on=day,
            reader=(await actor_of(registry)),
        )
        assert one["code"] == (status or "never_recognised"), day
        assert one["is_valid"] is (status is not None and RecognitionStatus(status) in COUNTS)
    assert await registry.service.chain_is_sound()


async def actor_of(registry: Registry) -> Any:
    return await registry.service.runtime.verifier.verify(registry.partner.token)


def telling_days(story: Story, today: date) -> list[date]:
    """Return the days on which something may turn, and those beside them."""
    turns = {one.on for one in story.told} | {today}
    for _, ends in story.terms:
        turns |= {ends, half_a_year_before(ends + timedelta(days=1))}
    return sorted({turn + timedelta(days=beside) for turn in turns for beside in (-1, 0, 1)})


async def take_place(
    registry: Registry, story: Story, recognition_id: str, act: str, back: int
) -> None:
    """Let something happen, through the same doors that the platform has, where it is possible."""
    clock, serial = registry.service.clock, story.serial
    today = clock.today()
    match act:
        case "file" if story.open_filing is None and not story.is_revoked:
            story.open_filing = await registry.renewal_filed(serial, today, TITLE)
            story.filed_on[story.open_filing] = today
            story.tell(today, clock.now(), "filed", story.open_filing)
        case "renew" if story.open_filing is not None and not story.is_revoked:
            ends = story.terms[-1][1]
            await registry.recognised(
                serial,
                on=today,
                kind="renewal",
                application_id=story.open_filing,
                # Renewed under another law and in another round than it was granted.
                policy_pack="national/2022-08-01",
                round_code=f"{today.year}-{len(story.terms)}",
                legal_name=await current_name(registry, serial),
            )
            is_in_time = story.filed_on[story.open_filing] <= ends
            begins = ends + timedelta(days=1) if is_in_time else today
            story.terms.append((begins, three_years(begins)))
            story.tell(begins, clock.now(), "term", story.terms[-1])
            story.tell(today, clock.now(), "settled", story.open_filing)
            story.open_filing = None
        case "reject" if story.open_filing is not None:
            await registry.service.deliver("review", rejected(serial, story.open_filing))
            story.tell(today, clock.now(), "settled", story.open_filing)
            story.rejected, story.open_filing = story.open_filing, None
        case "restore" if story.rejected is not None and story.open_filing is None:
            await registry.service.deliver("review", restored(serial, story.rejected))
            story.tell(today, clock.now(), "reopened", story.rejected)
            story.open_filing, story.rejected = story.rejected, None
        case "revoke" if not story.is_revoked:
            on = max(today - timedelta(days=back), story.terms[0][0])
            answer = await registry.revoke(
                recognition_id, ground="voluntary", finding_number=None, decided_on=on.isoformat()
            )
            assert answer.status_code == 200, answer.text
            story.is_revoked = True
            story.tell(on, clock.now(), "revoked")
        case "rename" | "rename_back":
            # Reported late, as happens: it holds from its own day on, and was not known before.
            on = max(today - timedelta(days=back), story.terms[0][0])
            story.name += 1
            name = f"示例更名{serial}之{story.name}（贵州）有限公司"
            answer = await registry.officer().post(
                f"/enterprises/{uscc_of(serial)}/changes",
                json={
                    "kind": "rename",
                    "happened_on": on.isoformat(),
                    "new_name": name,
                    "document_number": "示例变更〔2026〕1号",
                },
            )
            assert answer.status_code == 201, answer.text
            story.tell(on, clock.now(), "name", name)


async def current_name(registry: Registry, serial: int) -> str:
    return str(
        (await registry.officer().get(f"/enterprises/{uscc_of(serial)}")).json()["legal_name"]
    )


async def ask(registry: Registry, story: Story, day: date, instant: datetime) -> dict[str, Any]:
    answer = await registry.officer().get(
        f"/enterprises/{uscc_of(story.serial)}",
        params={"as_of": day.isoformat(), "as_known_at": instant.isoformat()},
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    held = [one for one in body["recognitions"] if one["title"] == TITLE]
    name = body["legal_name"] if story.replay(day, instant)[1] is not None else None
    return {"status": held[0]["status"] if held else None, "name": name, "body": body}


def rejected(serial: int, application_id: UUID) -> CaseRejected:
    facts = facts_of(serial)
    return CaseRejected(
        uscc=facts["uscc"],
        region=facts["applying_division"],
        is_secret=False,
        case_id=new_id(),
        application_id=application_id,
        title=TITLE,
        round_code="2029-1",
        stage="provincial_screening",
        reason="不符合复核条件（示例）",
    )


def restored(serial: int, application_id: UUID) -> CaseRestored:
    facts = facts_of(serial)
    return CaseRestored(
        uscc=facts["uscc"],
        region=facts["applying_division"],
        is_secret=False,
        case_id=new_id(),
        application_id=application_id,
        title=TITLE,
        round_code="2029-1",
        kind="renewal",
        stage="provincial_screening",
        reason="撤销原决定（示例）",
    )


async def test_a_title_that_lapsed_is_never_renewed_backwards(registry: Registry) -> None:
    """What a bank was told of a day stays so, whatever was filed and decided later."""
    clock = registry.service.clock
    await registry.recognised(on=date(2026, 5, 8))
    clock.move_to_day(date(2030, 5, 1))
    filed = await registry.renewal_filed(1, date(2030, 5, 1))
    looked_at = await registry.verified(1)
    listed = await listed_as(registry, "lapsed"), await listed_as(registry, "awaiting_renewal")
    (duty,) = (await registry.officer().get("/renewal-duties")).json()["items"]
    certificate = (
        await registry.service.client.get("/api/v1/public/certificates/52-ZJTX-2026-00001")
    ).json()
    clock.move_to_day(date(2030, 6, 1))
    await registry.announced(1, on=date(2030, 6, 1), kind="renewal", application_id=filed)

    codes = {
        day: (await registry.verified(1, on=day))["code"]
        for day in (date(2029, 5, 8), date(2030, 5, 1), date(2030, 5, 31), date(2030, 6, 1))
    }
    renewed = await registry.verified(1)

    assert looked_at["code"] == "lapsed"
    assert listed == ([uscc_of(1)], [])
    assert (duty["status"], duty["outcome"], duty["is_filed"]) == ("lapsed", "under_review", True)
    assert (certificate["status"], certificate["is_valid"]) == ("lapsed", False)
    assert list(codes.values()) == ["lapsed", "lapsed", "lapsed", "valid"]
    assert (renewed["valid_from"], renewed["valid_until"]) == ("2030-06-01", "2033-05-31")


async def listed_as(registry: Registry, status: str) -> list[str]:
    found = (await registry.partner.get("/enterprises", params={"status": status})).json()
    return [one["uscc"] for one in found["items"]]


async def test_a_second_before_and_after_midnight_in_shanghai_on_the_last_day(
    registry: Registry,
) -> None:
    await registry.recognised(on=date(2026, 5, 8))
    certificate = "/public/certificates/52-ZJTX-2026-00001"
    last_second = datetime.combine(date(2029, 5, 7), time(23, 59, 59), tzinfo=PROVINCE_TIME)

    registry.service.clock.set(last_second)
    before = await registry.verified(1)
    shown_before = (await registry.service.client.get(f"/api/v1{certificate}")).json()
    registry.service.clock.set(last_second + timedelta(seconds=1))
    after = await registry.verified(1)
    shown_after = (await registry.service.client.get(f"/api/v1{certificate}")).json()

    assert (before["code"], before["is_valid"]) == ("renewal_due", True)
    assert (after["code"], after["is_valid"]) == ("lapsed", False)
    assert (shown_before["status"], shown_after["status"]) == ("renewal_due", "lapsed")
    assert (shown_before["valid_until"], shown_after["valid_until"]) == ("2029-05-07",) * 2


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (date(2028, 2, 29), date(2031, 2, 28)),
        (date(2025, 3, 1), date(2028, 2, 29)),
        (date(2025, 2, 28), date(2028, 2, 27)),
        (date(2024, 12, 31), date(2027, 12, 30)),
    ],
)
async def test_three_years_are_reckoned_by_the_calendar(
    registry: Registry, begins: date, ends: date
) -> None:
    registry.service.clock.move_to_day(begins)

    await registry.recognised(on=begins)

    assert (await registry.verified(1, on=ends))["is_valid"] is True
    assert (await registry.verified(1, on=ends + timedelta(days=1)))["is_valid"] is False
    assert ends == three_years(begins)


async def test_a_past_answer_is_the_same_to_the_letter_after_a_renewal_a_rename_and_a_revocation(
    registry: Registry,
) -> None:
    clock = registry.service.clock
    recognition_id = await registry.recognised(on=BEGUN, round_code="2026-1")
    clock.move_to_day(date(2028, 12, 1))
    filed = await registry.renewal_filed(1, date(2028, 12, 1))
    before = clock.now()
    question = {"as_of": "2028-11-01", "as_known_at": before.astimezone(PROVINCE_TIME).isoformat()}
    path = f"/enterprises/{uscc_of(1)}"

    first = await registry.officer().get(path, params=question)
    clock.move_to_day(date(2028, 12, 20))
    await registry.recognised(
        on=date(2028, 12, 20),
        kind="renewal",
        application_id=filed,
        policy_pack="national/2022-08-01",
        round_code="2029-1",
    )
    renewed = (await registry.officer().get(path, params={"as_of": "2029-02-01"})).json()
    today = (await registry.officer().get(path)).json()
    await registry.officer().post(
        f"{path}/changes",
        json={
            "kind": "rename",
            "happened_on": "2026-01-05",
            "new_name": "贵州改名示例有限公司",
            "document_number": "示例变更〔2028〕1号",
        },
    )
    await registry.revoke(
        recognition_id, ground="voluntary", finding_number=None, decided_on="2028-12-20"
    )
    again = await registry.officer().get(path, params=question)

    assert again.json() == first.json()
    assert first.json()["version"] is None
    assert datetime.fromisoformat(first.json()["as_known_at"]) == before
    assert first.json()["as_known_at"].endswith("Z"), "instants are told in UTC"
    (held,), (running,), (following,) = (
        body["recognitions"] for body in (first.json(), today, renewed)
    )
    assert (held["round_code"], held["version"], held["available_actions"]) == ("2026-1", None, [])
    # Until the next term begins, the title is what it was granted as.
    assert (running["round_code"], running["title_name"]) == ("2026-1", held["title_name"])
    assert (following["round_code"], following["title_name"]["zh"]) == (
        "2029-1",
        "专精特新中小企业",
    )


async def test_what_was_entered_late_was_not_known_before(registry: Registry) -> None:
    clock = registry.service.clock
    recognition_id = await registry.recognised(on=date(2026, 5, 8))
    clock.move_to_day(date(2026, 9, 1))
    before = clock.now()
    clock.move_to_day(date(2026, 9, 20))
    await registry.revoke(
        recognition_id, ground="voluntary", finding_number=None, decided_on="2026-08-15"
    )
    path = f"/enterprises/{uscc_of(1)}"

    known = (await registry.partner.get(path, params={"as_of": "2026-08-20"})).json()
    as_it_was = (
        await registry.partner.get(
            path, params={"as_of": "2026-08-20", "as_known_at": before.isoformat()}
        )
    ).json()
    unheard_of = await registry.partner.get(path, params={"as_known_at": "2026-05-01T00:00:00Z"})

    assert known["recognitions"][0]["status"] == "revoked"
    assert as_it_was["recognitions"][0]["status"] == "valid"
    assert as_it_was["recognitions"][0]["revocation"] is None
    assert unheard_of.status_code == 404
