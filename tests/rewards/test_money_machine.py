"""Titles, officers and the bank in any order, sensible or not: what has to hold of money does.

A refusal changes nothing, and after everything that succeeds the whole of what rewards keeps about two
enterprises is read from the database and held against what must be true of it.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlalchemy.engine import URL

from services.contracts.registry import (
    RecognitionEvent,
    RecognitionGranted,
    RecognitionRenewed,
    RecognitionRevoked,
)
from services.kernel.identifiers import new_id
from services.kernel.problems import PROBLEM_MEDIA_TYPE
from services.policy.rewards import Scope, Settlement
from services.rewards import consumers
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import (
    Caller,
    RunningService,
    as_owner,
    create_rewards,
    running_service,
)
from tests.rewards.conftest import TODAY, schedule_body
from tests.rewards.test_awards import N, P

Row = dict[str, Any]
State = dict[str, list[Row]]

ZERO, CENT = Decimal(0), Decimal("0.01")
SERIALS = (1, 2)
TERM = timedelta(days=1095)
ENTRIES = ("granted", "cancelled", "disbursed", "returned", "recovered", "waived")
"""Kinds of the ledger, each with its sum among an award's columns."""
ACTS = {
    "awards",
    "approval",
    "cancellation",
    "disbursement-batches",
    "disbursement",
    "rejection",
    "returns",
    "repayments",
    "plan",
    "waivers",
    "decision",
    "reward-schedules",
    "granted",
    "renewed",
    "revoked",
    "again",
}
"""What has to succeed in any run at all, by the last word of its address or its event."""
COUNTS_ONCE = {"disbursement", "rejection", "returns", "repayments"}
"""What a disbursement system may send as often as it likes."""

_TABLES = {
    "awards": ("awards", "id"),
    "entries": ("ledger_entries", "id"),
    "lines": ("batch_lines", "batch_id, number"),
    "batches": ("disbursement_batches", "number"),
    "series": ("batch_series", "fiscal_year"),
    "budgets": ("budgets", "schedule_id, fiscal_year"),
    "holdings": ("holdings", "recognition_id"),
    "rewarded": ("rewarded_titles", "uscc, title, event"),
    "recoveries": ("recoveries", "id"),
    "instalments": ("instalments", "recovery_id, plan, number"),
    "waivers": ("waivers", "id"),
    "head": ("journal_head", "id"),
}
_LOOK = text(
    "SELECT json_build_object("
    + ", ".join(
        f"'{name}', (SELECT coalesce(json_agg(to_jsonb(t) - 'calculation' - 'formula'"
        f" ORDER BY {order}), '[]') FROM rewards.{table} t)"
        for name, (table, order) in _TABLES.items()
    )
    + ")::text"
)
_FORGET = (
    "TRUNCATE rewards.reward_schedules, rewards.disbursement_batches, rewards.batch_series,"
    " rewards.holdings CASCADE"
)


@dataclass
class World:
    """One running service for every example, on a loop of its own."""

    runner: asyncio.Runner
    service: RunningService
    done: Counter[str] = field(default_factory=Counter)
    """How often each act succeeded, by the last word of its address."""
    callers: dict[tuple[str, str], Caller] = field(default_factory=dict)

    def caller(self, office: str, sub: str) -> Caller:
        key = (office, sub)
        if key not in self.callers:
            self.callers[key] = self.service.caller(office, region="520000", sub=sub)
        return self.callers[key]

    def ask(self, caller: Caller, method: str, path: str, **request: Any) -> httpx.Response:
        return self.runner.run(caller.ask(method, path, **request))

    def look(self) -> State:
        async def look() -> str:
            async with self.service.database.session() as session:
                return str(await session.scalar(_LOOK))

        return cast("State", json.loads(self.runner.run(look()), parse_float=Decimal))

    def forget(self) -> None:
        """Begin anew on the first day, with nothing but the journal."""
        self.runner.run(as_owner(self.service.owner, _FORGET))
        self.service.clock.move_to_day(TODAY)


@dataclass(frozen=True)
class Message:
    """Something that was asked, so that it can be asked again."""

    caller: Caller
    path: str
    body: Row | None

    @property
    def act(self) -> str:
        return self.path.rpartition("/")[2]


NUMBER = st.integers(0, 7)
"""Which one an act is about: counted through whatever there is."""
SERIAL = st.sampled_from(SERIALS)
TITLE = st.sampled_from((P, N))
OFFICER = st.sampled_from(("finance-1", "finance-2", "finance-2", "finance-3"))
SHARE = st.sampled_from(("all", "all", "half", "a cent", "a cent more"))
PRICE = st.sampled_from((100, 200, 200, 500)).map(lambda one: Decimal(one) * 1000)


def share_of(left: Decimal, share: str) -> str:
    amount = {
        "all": left,
        "half": (left / 2).quantize(CENT),
        "a cent": CENT,
        "a cent more": left + CENT,
    }[share]
    return f"{max(amount, CENT):.2f}"


def paid_of(award: Row) -> Decimal:
    return cast("Decimal", award["disbursed"] - award["returned"])


def payable_of(award: Row) -> Decimal:
    return cast("Decimal", award["granted"] - award["cancelled"])


def left_of(recovery: Row) -> Decimal:
    return cast("Decimal", recovery["due"] - recovery["repaid"] - recovery["waived"])


def stands_for(award: Row) -> str:
    return str(award["stands_for"] or award["recognition_id"])


def total(rows: Sequence[Row], column: str) -> Decimal:
    return sum((row[column] for row in rows), ZERO)


class Money(RuleBasedStateMachine):
    """Everybody who has to do with the rewards of two enterprises."""

    only: tuple[Settlement, Scope] | None = None
    """How it is settled; None for any way."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.forget()
        self.settlement, self.scope = Settlement.TOP_UP, Scope.EVER
        self.vouchers = 0
        self.schedules = 0
        self.messages: list[Message] = []
        self.told: list[RecognitionEvent] = []
        self.state = world.look()

    # How anything is done

    @property
    def today(self) -> date:
        return self.world.service.clock.today()

    def act(self, office: str, sub: str, path: str, body: Row | None = None) -> Row | None:
        """Do something in somebody's name. Return the answer if it was done."""
        return self.send(Message(self.world.caller(office, sub), path, body))

    def send(self, message: Message) -> Row | None:
        before = self.state
        answer = self.world.ask(message.caller, "POST", message.path, json=message.body)
        self.state = self.world.look()
        assert answer.status_code < 500, answer.text
        if answer.is_success:
            self.world.done[message.act] += 1
            self.messages.append(message)
            self.examine(before)
            return cast("Row", answer.json())
        assert answer.headers["Content-Type"] == PROBLEM_MEDIA_TYPE
        assert self.state == before, f"a refusal changed something: {answer.text}"
        return None

    def tell(self, event: RecognitionEvent) -> None:
        before = self.state
        self.world.runner.run(self.world.service.deliver("registry", event))
        self.state = self.world.look()
        self.world.done[event.TYPE.split(".")[3]] += 1
        self.told.append(event)
        self.examine(before)

    def pick(
        self, number: int, part: str, fits: Callable[[Row], bool] = lambda _: True
    ) -> Row | None:
        """Return one of what fits, or of anything there is where nothing does."""
        rows = self.state[part]
        found = [row for row in rows if fits(row)] or rows
        return found[number % len(found)] if found else None

    def voucher(self, number: int) -> str:
        """Return a new voucher; now and then the first or the last that there was."""
        if number < 6 or not self.vouchers:
            self.vouchers += 1
            return f"V-{self.vouchers}"
        return "V-1" if number == 6 else f"V-{self.vouchers}"

    # Schedules and titles

    @initialize(
        settlement=st.sampled_from(Settlement),
        scope=st.sampled_from(Scope),
        prices=st.tuples(PRICE, PRICE),
        held=st.lists(st.tuples(SERIAL, TITLE, st.booleans()), min_size=2, max_size=4),
    )
    def begin(
        self,
        settlement: Settlement,
        scope: Scope,
        prices: tuple[Decimal, Decimal],
        held: list[tuple[int, str, bool]],
    ) -> None:
        """Begin with a schedule in force and titles, some of them rewarded and paid."""
        self.settlement, self.scope = self.only or (settlement, scope)
        self.change_schedule(prices=prices, renewal=None, is_poor=False)
        for serial, title, is_paid in held:
            self.give(serial=serial, title=title, days=0)
            if is_paid:
                self.reward(serial, is_paid=True)

    @rule(prices=st.tuples(PRICE, PRICE), renewal=st.none() | PRICE, is_poor=st.booleans())
    def change_schedule(
        self, prices: tuple[Decimal, Decimal], renewal: Decimal | None, *, is_poor: bool
    ) -> None:
        """Put another schedule in force, on a day of its own."""
        self.schedules += 1
        self.pass_days(1)
        amounts = [
            {"title": title, "amount": f"{price:.2f}"}
            for title, price in zip((P, N), prices, strict=True)
        ]
        if renewal is not None:
            amounts.append({"title": P, "amount": f"{renewal:.2f}", "event": "renewal"})
        years = (self.today.year, self.today.year + 1)
        drafted = self.act(
            "finance_office",
            "finance-1",
            "/reward-schedules",
            schedule_body(
                code=f"plan-{self.schedules}",
                effective_from=self.today.isoformat(),
                settlement=self.settlement.value,
                scope=self.scope.value,
                amounts=amounts,
                budgets=[
                    {"fiscal_year": year, "amount": "600000.00" if is_poor else "9000000.00"}
                    for year in years
                ],
            ),
        )
        assert drafted is not None
        path = f"/reward-schedules/{drafted['id']}/approval"
        assert self.act("finance_office", "finance-2", path) is not None

    @rule(days=st.sampled_from((1, 30, 200)))
    def pass_days(self, days: int) -> None:
        self.world.service.clock.move_to_day(self.today + timedelta(days=days))

    @rule(serial=SERIAL, title=TITLE, days=st.sampled_from((0, 90)))
    def give(self, serial: int, title: str, days: int) -> None:
        """Let the registry announce a title, which nobody is given who has it."""
        if self.holding(serial, title) is not None:
            return
        begins_on = self.today - timedelta(days=days)
        facts = facts_of(serial)
        self.tell(
            RecognitionGranted(
                uscc=facts["uscc"],
                region=facts["applying_division"],
                is_secret=False,
                recognition_id=new_id(),
                title=title,
                legal_name=facts["legal_name"],
                certificate_number=f"52-{title}-{serial}-{len(self.told)}",
                valid_from=begins_on,
                valid_until=begins_on + TERM,
                policy_pack=PACK,
                round_code=f"{begins_on.year}-{begins_on.month % 2}",
                document_number="示例〔2026〕9号",
                application_id=None,
            )
        )

    @rule(serial=SERIAL, title=TITLE)
    def renew(self, serial: int, title: str) -> None:
        known = self.holding(serial, title)
        if known is None:
            return
        self.tell(
            RecognitionRenewed(
                **_of(known)
                | {
                    "valid_from": self.today,
                    "valid_until": self.today + TERM,
                    "document_number": "示例〔2027〕9号",
                    "application_id": None,
                }
            )
        )

    @rule(serial=SERIAL, title=TITLE, ground=st.sampled_from(("false_declaration", "voluntary")))
    def fall(self, serial: int, title: str, ground: str) -> None:
        """Let the registry revoke a title, by somebody's fault or by nobody's."""
        known = self.holding(serial, title)
        if known is None:
            return
        recovers = ground == "false_declaration"
        self.tell(
            RecognitionRevoked(
                **_of(known)
                | {
                    "ground": ground,
                    "revoked_on": self.today,
                    "finding_number": "示例查〔2026〕1号" if recovers else None,
                    "document_number": "示例〔2026〕20号",
                    "recovers_rewards": recovers,
                    "exclusion_until": None,
                }
            )
        )

    @rule(serial=SERIAL, titles=st.permutations((P, N)))
    def follow_a_fallen_title(self, serial: int, titles: Sequence[str]) -> None:
        """Let a title that was rewarded fall, and the other one be given after it."""
        self.give(serial=serial, title=titles[0], days=0)
        self.reward(serial, is_paid=True)
        self.fall(serial=serial, title=titles[0], ground="false_declaration")
        self.give(serial=serial, title=titles[1], days=0)

    @rule(number=NUMBER)
    def tell_a_fall_again(self, number: int) -> None:
        """What was read before a crash is read again; nothing comes of it twice."""
        falls = [one for one in self.told if isinstance(one, RecognitionRevoked)]
        if not falls:
            return
        before = self.state
        self.tell(falls[number % len(falls)])
        for part in ("entries", "recoveries", "rewarded", "lines", "budgets"):
            assert self.state[part] == before[part], f"a repeat changed {part}"

    def holding(self, serial: int, title: str) -> RecognitionEvent | None:
        """Return what was last said of a title that is held now."""
        held = {
            one["recognition_id"]
            for one in self.state["holdings"]
            if one["uscc"] == uscc_of(serial)
            and one["title"] == title
            and one["revoked_on"] is None
            and date.fromisoformat(one["valid_until"]) >= self.today
        }
        return next((one for one in reversed(self.told) if str(one.recognition_id) in held), None)

    # Awards

    @rule(serial=SERIAL, is_paid=st.booleans())
    def reward(self, serial: int, *, is_paid: bool) -> None:
        """Take an award all the way, so that every other act finds one to be done to."""
        award = self.proposed(serial, 0)
        if award is None:
            return
        self.act("finance_office", "finance-2", f"/awards/{award['id']}/approval")
        if is_paid:
            body = {"fiscal_year": award["fiscal_year"], "award_ids": [award["id"]]}
            self.act("finance_office", "finance-1", "/disbursement-batches", body)
            self.pay_award(award["id"], award["amount"], self.voucher(0))

    @rule(serial=SERIAL, year=st.sampled_from((0, 0, 1, 5)))
    def propose(self, serial: int, year: int) -> None:
        self.proposed(serial, year)

    def proposed(self, serial: int, year: int) -> Row | None:
        body = {
            "uscc": uscc_of(serial),
            "fiscal_year": self.today.year + year,
            "reason": "择优",
        }
        return self.act("finance_office", "finance-1", "/awards", body)

    @rule(number=NUMBER, officer=OFFICER)
    def approve(self, number: int, officer: str) -> None:
        award = self.pick(number, "awards", lambda one: one["status"] == "proposed")
        if award is not None:
            self.act("finance_office", officer, f"/awards/{award['id']}/approval")

    @rule(number=NUMBER, officer=OFFICER)
    def cancel(self, number: int, officer: str) -> None:
        award = self.pick(number, "awards", lambda one: one["status"] in {"proposed", "approved"})
        if award is not None:
            path = f"/awards/{award['id']}/cancellation"
            self.act("finance_office", officer, path, {"reason": "材料有误"})

    # The bank

    @rule(numbers=st.lists(NUMBER, max_size=2), year=st.sampled_from((0, 0, 1)))
    def order(self, numbers: list[int], year: int) -> None:
        """Order some awards, or all that can be ordered of a year."""
        found = [
            self.pick(number, "awards", lambda one: one["status"] == "approved")
            for number in numbers
        ]
        named = [one for one in found if one is not None]
        body: Row = {"fiscal_year": self.today.year + year}
        if named:
            body = {
                "fiscal_year": named[0]["fiscal_year"],
                "award_ids": [one["id"] for one in named],
            }
        self.act("finance_office", "finance-1", "/disbursement-batches", body)

    @rule(number=NUMBER, share=SHARE, voucher=NUMBER)
    def pay(self, number: int, share: str, voucher: int) -> None:
        line = self.pick(number, "lines", lambda one: one["status"] == "ordered")
        if line is not None:
            amount = share_of(line["amount"] - line["paid"], share)
            self.pay_award(line["award_id"], amount, self.voucher(voucher))

    def pay_award(self, award_id: str, amount: str, voucher: str) -> None:
        body = {"amount": amount, "paid_on": self.today.isoformat(), "voucher": voucher}
        self.act("disbursement", "treasury", f"/awards/{award_id}/disbursement", body)

    @rule(number=NUMBER)
    def reject(self, number: int) -> None:
        line = self.pick(number, "lines", lambda one: one["status"] == "ordered")
        if line is None:
            return
        self.act(
            "disbursement",
            "treasury",
            f"/disbursement-batches/{line['batch_id']}/lines/{line['number']}/rejection",
            {
                "rejected_on": self.today.isoformat(),
                "reference": self.voucher(0),
                "reason": "账号有误",
            },
        )

    @rule(number=NUMBER, reference=NUMBER)
    def send_back(self, number: int, reference: int) -> None:
        returned = {one["payment_id"] for one in self.state["entries"]}
        payment = self.pick(
            number,
            "entries",
            lambda one: one["kind"] == "disbursed" and one["id"] not in returned,
        )
        if payment is None:
            return
        self.act(
            "disbursement",
            "treasury",
            f"/awards/{payment['award_id']}/returns",
            {
                "voucher": payment["reference"] or "V-0",
                "returned_on": self.today.isoformat(),
                "reference": self.voucher(reference),
                "reason": "账号有误",
            },
        )

    # Recoveries

    @rule(number=NUMBER, share=SHARE, voucher=NUMBER)
    def repay(self, number: int, share: str, voucher: int) -> None:
        recovery = self.due(number)
        if recovery is None:
            return
        body = {
            "amount": share_of(left_of(recovery), share),
            "paid_on": self.today.isoformat(),
            "voucher": self.voucher(voucher),
        }
        self.act("disbursement", "treasury", f"/recoveries/{recovery['id']}/repayments", body)

    @rule(number=NUMBER, share=SHARE, days=st.integers(-1, 60))
    def plan(self, number: int, share: str, days: int) -> None:
        recovery = self.due(number)
        if recovery is None:
            return
        first = Decimal(share_of(left_of(recovery), share))
        parts = [one for one in (first, left_of(recovery) - first) if one > ZERO]
        instalments = [
            {
                "due_on": (self.today + timedelta(days=days + 30 * place)).isoformat(),
                "amount": f"{part:.2f}",
            }
            for place, part in enumerate(parts)
        ]
        body = {"instalments": instalments, "reason": "分期退还"}
        self.act("finance_office", "finance-1", f"/recoveries/{recovery['id']}/plan", body)

    @rule(number=NUMBER, share=SHARE)
    def ask_waiver(self, number: int, share: str) -> None:
        recovery = self.due(number)
        if recovery is None:
            return
        body = {
            "amount": share_of(left_of(recovery), share),
            "reason": "企业破产",
            "document_number": "示例财〔2026〕9号",
        }
        self.act("finance_office", "finance-1", f"/recoveries/{recovery['id']}/waivers", body)

    @rule(number=NUMBER, officer=OFFICER, is_granted=st.booleans())
    def decide_waiver(self, number: int, officer: str, *, is_granted: bool) -> None:
        waiver = self.pick(number, "waivers", lambda one: one["is_granted"] is None)
        if waiver is None:
            return
        path = f"/recoveries/{waiver['recovery_id']}/waivers/decision"
        body = {"is_granted": is_granted, "reason": "经研究决定"}
        self.act("finance_office", officer, path, body)

    def due(self, number: int) -> Row | None:
        return self.pick(number, "recoveries", lambda one: one["status"] == "open")

    # Everything again

    @rule(number=st.integers(0, 60))
    def ask_again(self, number: int) -> None:
        """Send once more what was sent before. What counts once changes nothing."""
        if not self.messages:
            return
        message = self.messages[-1 - number % len(self.messages)]
        before = self.state
        answer = self.send(message)
        if message.act in COUNTS_ONCE:
            assert answer is not None, "a repeat is answered like the original"
            assert self.state == before, "a repeat changed something"
            self.world.done["again"] += 1

    # What must hold

    def examine(self, before: State) -> None:
        after = self.state
        old = {one["id"]: one for one in before["entries"]}
        new = {one["id"]: one for one in after["entries"]}
        assert old.items() <= new.items(), "an entry of the ledger was changed"
        for award in after["awards"]:
            self.sums_are_the_ledgers(award)
            self.status_fits_the_sums(award)
        self.orders_fit_the_ledger()
        self.recoveries_fit_the_ledger()
        self.budgets_hold()
        self.each_title_is_rewarded_once()
        self.batches_are_numbered_without_a_gap()
        for serial in SERIALS:
            self.statement_is_the_sum(serial)

    def entries_of(self, column: str, value: object, kind: str) -> list[Row]:
        return [
            one for one in self.state["entries"] if one[column] == value and one["kind"] == kind
        ]

    def of(self, award: Row, part: str) -> list[Row]:
        return [one for one in self.state[part] if one["award_id"] == award["id"]]

    def sums_are_the_ledgers(self, award: Row) -> None:
        for kind in ENTRIES:
            entered = total(self.entries_of("award_id", award["id"], kind), "amount")
            assert award[kind] == entered, kind
        assert award["granted"] == award["amount"] <= award["scheduled_amount"]
        assert award["recovery_due"] == total(self.of(award, "recoveries"), "due")
        settled = award["recovered"] + award["waived"]
        assert ZERO <= settled <= award["recovery_due"] <= paid_of(award) <= payable_of(award)

    def status_fits_the_sums(self, award: Row) -> None:
        status, left = award["status"], payable_of(award) - paid_of(award)
        is_ordered = any(one["status"] == "ordered" for one in self.of(award, "lines"))
        recoveries = self.of(award, "recoveries")
        is_settled = all(one["status"] == "settled" for one in recoveries)
        fits = {
            "proposed": award["approved_by"] is None and left > ZERO == paid_of(award),
            "approved": award["approved_by"] is not None and left > ZERO and not recoveries,
            "disbursed": left == ZERO < paid_of(award) and not recoveries,
            "cancelled": payable_of(award) == ZERO == paid_of(award),
            "recovering": bool(recoveries) and (is_ordered or not is_settled),
            "recovered": bool(recoveries) and is_settled and not is_ordered,
        }
        assert fits[status], f"{status}: {award}, {recoveries}"
        assert not is_ordered or status in {"approved", "recovering", "recovered"}

    def orders_fit_the_ledger(self) -> None:
        paid: Counter[tuple[str, int]] = Counter()
        for one in self.state["entries"]:
            if one["kind"] == "disbursed":
                paid[one["batch_id"], one["line_number"]] += one["amount"]
        for line in self.state["lines"]:
            assert line["paid"] == paid[line["batch_id"], line["number"]]
            assert (line["status"] == "paid") == (line["paid"] == line["amount"])
        open_lines = Counter(
            one["award_id"] for one in self.state["lines"] if one["status"] == "ordered"
        )
        assert all(count == 1 for count in open_lines.values())
        vouchers = [
            (one["kind"], one["reference"]) for one in self.state["entries"] if one["reference"]
        ]
        assert len(vouchers) == len(set(vouchers)), "a voucher stands for one payment"

    def recoveries_fit_the_ledger(self) -> None:
        for one in self.state["recoveries"]:
            repaid = total(self.entries_of("recovery_id", one["id"], "recovered"), "amount")
            waived = total(self.entries_of("recovery_id", one["id"], "waived"), "amount")
            granted = [
                waiver
                for waiver in self.state["waivers"]
                if waiver["recovery_id"] == one["id"] and waiver["is_granted"]
            ]
            assert (one["repaid"], one["waived"]) == (repaid, waived)
            assert waived == total(granted, "amount")
            assert all(waiver["decided_by"] != waiver["requested_by"] for waiver in granted)
            assert (one["status"] == "settled") == (left_of(one) == ZERO)

    def budgets_hold(self) -> None:
        for budget in self.state["budgets"]:
            reserved = [
                payable_of(one)
                for one in self.state["awards"]
                if (one["schedule_id"], one["fiscal_year"])
                == (budget["schedule_id"], budget["fiscal_year"])
            ]
            assert budget["granted"] == sum(reserved, ZERO) <= budget["amount"]

    def each_title_is_rewarded_once(self) -> None:
        live = [
            (one["uscc"], one["title"], one["event"])
            for one in self.state["awards"]
            if one["status"] != "cancelled"
        ]
        assert len(live) == len(set(live))
        rewarded = {(one["uscc"], one["title"], one["event"]) for one in self.state["rewarded"]}
        assert set(live) <= rewarded
        assert all(one["approved_by"] != one["proposed_by"] for one in self.state["awards"])

    def batches_are_numbered_without_a_gap(self) -> None:
        for series in self.state["series"]:
            year = series["fiscal_year"]
            numbers = [one["number"] for one in self.state["batches"] if one["fiscal_year"] == year]
            assert numbers == [f"{year}-{one:04}" for one in range(1, series["last"] + 1)]
        for batch in self.state["batches"]:
            lines = [one for one in self.state["lines"] if one["batch_id"] == batch["id"]]
            assert batch["total"] == total(lines, "amount")

    def statement_is_the_sum(self, serial: int) -> None:
        reader = self.world.caller("finance_office", "finance-1")
        answer = self.world.ask(reader, "GET", f"/award-statements/{uscc_of(serial)}")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        awards = [one for one in self.state["awards"] if one["uscc"] == uscc_of(serial)]
        assert {one["id"]: one["status"] for one in told["awards"]} == {
            one["id"]: one["status"] for one in awards
        }
        for column, summed in (
            ("granted", sum((payable_of(one) for one in awards), ZERO)),
            ("disbursed", sum((paid_of(one) for one in awards), ZERO)),
            ("recovery_due", total(awards, "recovery_due")),
            ("recovered", total(awards, "recovered")),
            ("waived", total(awards, "waived")),
        ):
            assert told[column] == f"{summed:.2f}", column

    # In the end

    def teardown(self) -> None:
        """Close what is open and ask for all that is owed; then the rule itself has to hold."""
        for line in [one for one in self.state["lines"] if one["status"] == "ordered"]:
            self.reject_line(line)
        self.fallen_titles_left_nothing()
        for serial in SERIALS:
            for _ in range(4):
                self.propose(serial=serial, year=0)
        # Once all that is owed is granted: what is called back may not be left beside it.
        for recovery in [one for one in self.state["recoveries"] if one["status"] == "open"]:
            self.let_off(recovery)
        for serial in SERIALS:
            self.highest_amount_stands(serial)

    def let_off(self, recovery: Row) -> None:
        """Plan how a recovery is paid back, let a cent of it be, and waive what can be waived."""
        path, left = f"/recoveries/{recovery['id']}", left_of(recovery)
        instalment = {"due_on": self.today.isoformat(), "amount": f"{left:.2f}"}
        plan = {"instalments": [instalment], "reason": "按期退还"}
        assert self.act("finance_office", "finance-1", f"{path}/plan", plan) is not None
        cent = {"amount": "0.01", "paid_on": self.today.isoformat(), "voucher": self.voucher(0)}
        assert self.act("disbursement", "treasury", f"{path}/repayments", cent) is not None
        for amount in (left - CENT, (left / 2).quantize(CENT)):
            waiver = {
                "amount": f"{amount:.2f}",
                "reason": "破产",
                "document_number": "示例〔2026〕9号",
            }
            if self.act("finance_office", "finance-1", f"{path}/waivers", waiver) is not None:
                decision = {"is_granted": True, "reason": "经研究决定"}
                self.act("finance_office", "finance-2", f"{path}/waivers/decision", decision)
                return

    def reject_line(self, line: Row) -> None:
        path = f"/disbursement-batches/{line['batch_id']}/lines/{line['number']}/rejection"
        body = {"rejected_on": self.today.isoformat(), "reference": "B-0", "reason": "账号有误"}
        assert self.act("disbursement", "treasury", path, body) is not None

    def fallen_titles_left_nothing(self) -> None:
        fallen = {one["recognition_id"] for one in self.state["holdings"] if one["has_lost_reward"]}
        for award in self.state["awards"]:
            if stands_for(award) in fallen:
                assert payable_of(award) == award["recovery_due"], award

    def highest_amount_stands(self, serial: int) -> None:
        """With top-up an enterprise ends with no more than the highest amount, also by a waiver."""
        if (self.settlement, self.scope) != (Settlement.TOP_UP, Scope.EVER):
            return
        awards = [
            one
            for one in self.state["awards"]
            if one["uscc"] == uscc_of(serial) and one["status"] != "cancelled"
        ]
        scheduled = [
            one["scheduled_amount"]
            for one in self.state["rewarded"]
            if one["uscc"] == uscc_of(serial)
        ]
        stands = sum(
            (payable_of(one) - one["recovery_due"] + one["waived"] for one in awards), ZERO
        )
        assert stands <= max(scheduled, default=ZERO)


def _of(known: RecognitionEvent) -> Row:
    """Return what every announcement of a title says of it."""
    return known.model_dump(include=set(RecognitionEvent.model_fields))


@pytest.fixture
def world(owner: URL, tmp_path: Path) -> Iterator[World]:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        stack = AsyncExitStack()
        service = runner.run(
            stack.enter_async_context(
                running_service(
                    create_rewards(tmp_path),
                    owner=owner,
                    service="rewards",
                    subscriptions=(consumers.from_registry,),
                    today=TODAY,
                )
            )
        )
        yield World(runner=runner, service=service)
        runner.run(stack.aclose())


# Making a failure small takes hypothesis minutes, and without it nobody could read what went wrong.
@pytest.mark.timeout(500)
@pytest.mark.parametrize("only", [None, (Settlement.TOP_UP, Scope.EVER)])
def test_whatever_is_done_in_whatever_order_what_must_hold_of_money_holds(
    world: World, only: tuple[Settlement, Scope] | None
) -> None:
    class MoneyHere(Money):
        def __init__(self) -> None:
            super().__init__(world)
            self.only = only

    run_state_machine_as_test(
        MoneyHere,
        settings=settings(
            max_examples=16,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            print_blob=True,
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )

    chain_is_sound = world.runner.run(world.service.chain_is_sound())
    assert chain_is_sound
    # Whoever trusts the above wants to know that everything was done, and not only refused.
    assert only or set(world.done) >= ACTS, ACTS - set(world.done)
