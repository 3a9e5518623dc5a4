"""变更: renames, moves, mergers and splits. Certificate number and validity stay as they are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.registry import RecognitionChanged
from services.kernel.clock import Clock
from services.kernel.database import violated_constraint
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, Office
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.regions import is_province
from services.policy import credit_code
from services.policy.catalogue import Catalogue
from services.policy.divisions import divisions
from services.policy.pack import Duty
from services.registry.change_repository import ChangeRepository
from services.registry.enterprise_service import (
    EnterpriseService,
    KnownAs,
    Profile,
    known_as,
    read_credit_code,
)
from services.registry.models import (
    Attribute,
    ChangeKind,
    ChangeReport,
    Enterprise,
    EnterpriseChange,
    Recognition,
    RecognitionTerm,
)
from services.registry.names import searchable
from services.registry.problems import (
    ChangeNotFound,
    ChangeNotPossible,
    ChangeReportedAlready,
    EnterpriseNotFound,
    SuccessorHoldsTitle,
    UnknownDivision,
)
from services.registry.recognition_repository import RecognitionRepository
from services.registry.recognition_service import event_fields
from services.registry.renewal_state import months_ahead
from services.registry.renewal_steps import RenewalSteps
from services.registry.repository import EnterpriseRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an officer enters of a change."""

    kind: ChangeKind
    happened_on: date
    document_number: str
    reason: str | None
    new_name: str | None
    new_division: str | None
    successor_uscc: str | None
    """Who goes on with the titles, where the enterprise itself does not."""
    successor_name: str | None
    other_uscc: str | None
    """Whom it took in, or who was split off, where it goes on itself."""
    reported_on: date | None
    """When the enterprise reported it; None when an office found it out."""


class ChangeService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._changes = ChangeRepository(session)
        self._enterprises = EnterpriseRepository(session)
        self._profiles = EnterpriseService(session, clock)
        self._recognitions = RecognitionRepository(session)
        self._steps = RenewalSteps(session, clock)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def record(self, uscc: str, change: Change, officer: Actor) -> EnterpriseChange:
        """Record what changed, from its day on, and tell the others what is different today."""
        code = read_credit_code(uscc)
        successor_code = (
            None
            if change.successor_uscc is None
            else read_credit_code(change.successor_uscc, "/successor_uscc")
        )
        if change.other_uscc is not None:
            change = replace(change, other_uscc=read_credit_code(change.other_uscc, "/other_uscc"))
        # Always in one order, or two mergers at once would wait for each other.
        for each in sorted({code, successor_code or code}):
            await self._enterprises.lock(each)
        enterprise = await self._profiles.lock_in_charge(code, officer)
        before = known_as(await self._enterprises.entries(code), change.happened_on)
        self._refuse_impossible(enterprise, before, change, officer, successor_code)
        recorded = self._row(enterprise, before, change, officer, successor_code)
        self._changes.add(recorded)
        await self._session.flush()
        if change.reported_on is not None:
            self._add_report(recorded, change.reported_on, officer)
        was = enterprise.legal_name, enterprise.division
        await self._apply(enterprise, recorded, change)
        running = await self._recognitions.running(code)
        if successor_code is not None:
            await self._transfer(enterprise, running, recorded, change, successor_code, officer)
        elif was != (enterprise.legal_name, enterprise.division):
            for one in running:
                self._announce(one, enterprise, one, recorded, code, *was)
        self._journal.record(
            HistoryEntry(
                subject_type="enterprise",
                subject_id=code,
                action=f"{change.kind.value}_recorded",
                actor=officer,
                uscc=code,
                reason=change.reason,
                clause=recorded.duty_clause,
                data={
                    "change_id": str(recorded.id),
                    "happened_on": change.happened_on.isoformat(),
                    "before": recorded.before,
                    "after": recorded.after,
                    "document_number": change.document_number,
                    "reported_on": change.reported_on and change.reported_on.isoformat(),
                    "successor_uscc": successor_code,
                    "other_uscc": recorded.other_uscc,
                },
            )
        )
        await self._session.flush()
        return await self._find(recorded.id, officer)

    async def report(self, change_id: UUID, reported_on: date, officer: Actor) -> EnterpriseChange:
        """Record on which day the enterprise reported a change that an office had found out."""
        found = await self._find(change_id, officer)
        await self._profiles.lock_in_charge(found.uscc, officer)
        await self._session.refresh(found, ["report"])
        if found.report is not None:
            raise ChangeReportedAlready
        if not found.happened_on <= reported_on <= self._clock.today():
            raise ChangeNotPossible(
                f"变更发生于 {found.happened_on}，报告日期 {reported_on} 不成立。",
                f"It happened on {found.happened_on}; a report on {reported_on} is not possible.",
            )
        self._add_report(found, reported_on, officer)
        self._journal.record(
            HistoryEntry(
                subject_type="enterprise",
                subject_id=found.uscc,
                action="change_reported",
                actor=officer,
                uscc=found.uscc,
                clause=found.duty_clause,
                data={"change_id": str(found.id), "reported_on": reported_on.isoformat()},
            )
        )
        await self._session.flush()
        await self._session.refresh(found, ["report"])
        return found

    async def of_enterprise(self, uscc: str, reader: Actor) -> Sequence[EnterpriseChange]:
        found = await self._enterprises.in_charge(credit_code.normalise(uscc), reader)
        if found is None:
            raise EnterpriseNotFound
        return await self._changes.of(found.uscc)

    async def hidden_of(self, changes: Sequence[EnterpriseChange], reader: Actor) -> set[str]:
        """Return the other parties of changes that a reader may not know of."""
        parties = {
            party
            for one in changes
            for party in (one.successor_uscc, one.other_uscc)
            if party is not None
        }
        return await self._enterprises.hidden_from(reader, sorted(parties))

    async def page(
        self, reader: Actor, page: Paging, *, is_reported: bool | None, due_before: date | None
    ) -> Found[EnterpriseChange]:
        return await self._changes.page(
            reader, page, is_reported=is_reported, due_before=due_before
        )

    def is_late(self, of: EnterpriseChange) -> bool:
        """Whether it was reported after the last day, or was not by the end of it."""
        if of.report_due_on is None:
            return False
        reported_on = of.report.reported_on if of.report is not None else self._clock.today()
        return reported_on > of.report_due_on

    async def _find(self, change_id: UUID, reader: Actor) -> EnterpriseChange:
        found = await self._changes.find(change_id, reader)
        if found is None:
            raise ChangeNotFound
        return found

    def _refuse_impossible(
        self,
        enterprise: Enterprise,
        before: KnownAs,
        change: Change,
        officer: Actor,
        successor_code: str | None,
    ) -> None:
        today = self._clock.today()
        if change.happened_on > today or (change.reported_on or today) > today:
            raise ChangeNotPossible("日期不得晚于今天。", "Its days are not to come.")
        if change.reported_on is not None and change.reported_on < change.happened_on:
            raise ChangeNotPossible(
                "报告日期不得早于变更日期。", "It is not reported before it happened."
            )
        wants_name = change.kind is ChangeKind.RENAME
        wants_place = change.kind is ChangeKind.MOVE
        joins = change.kind in {ChangeKind.MERGER, ChangeKind.SPLIT}
        other = change.successor_uscc or change.other_uscc
        if (
            (wants_name and change.new_name is None)
            or (wants_place and change.new_division is None)
            or (joins and other is None)
            or (joins and change.successor_uscc is not None and change.other_uscc is not None)
            or (not joins and other is not None)
            or ((change.successor_uscc is None) != (change.successor_name is None))
        ):
            raise ChangeNotPossible(
                "更名须有新名称，迁移须有新所属地，合并、分立须有承继企业（及名称）或另一方。",
                "A rename has a new name, a move a new division; a merger or a split has a"
                " successor with its name, or the other party.",
            )
        if (wants_name and change.new_name == before.legal_name) or (
            wants_place and change.new_division == before.division
        ):
            raise ChangeNotPossible("与变更前相同。", "It is as it was before.")
        if enterprise.uscc in {successor_code, change.other_uscc}:
            raise ChangeNotPossible(
                "另一方不能是企业自身。", "The other party is not the enterprise itself."
            )
        if change.new_division is not None:
            # What lies in the province and in no city would be counted in none.
            if change.new_division not in divisions() or is_province(change.new_division):
                raise UnknownDivision
            # Whoever records a move answers for both places; out of the province, a title ends.
            places = (before.division or enterprise.division, change.new_division)
            if not all(officer.is_in_charge_of(place) for place in places):
                raise ChangeNotPossible(
                    "迁出地或迁入地不在您的管辖范围：跨市州迁移由省级办理；迁出本省的，按撤销办理。",
                    "One of both places is not in your charge: the province records a move between"
                    " cities, and a title is revoked when its holder leaves the province.",
                )
        if successor_code is not None and not officer.holds(Office.PROVINCE):
            raise ChangeNotPossible(
                "称号由其他企业承继的，由省级办理。",
                "The province records that another enterprise goes on with a title.",
            )

    def _row(
        self,
        enterprise: Enterprise,
        before: KnownAs,
        change: Change,
        officer: Actor,
        successor_code: str | None,
    ) -> EnterpriseChange:
        duty = self._duty(enterprise.division, change.happened_on)
        after: dict[str, Any] = {}
        was: dict[str, Any] = {}
        if change.new_name is not None:
            was["legal_name"], after["legal_name"] = before.legal_name, change.new_name
        if change.new_division is not None:
            was["division"], after["division"] = before.division, change.new_division
        if successor_code is not None:
            was["holder"], after["holder"] = enterprise.uscc, successor_code
        return EnterpriseChange(
            id=new_id(),
            uscc=enterprise.uscc,
            kind=change.kind,
            happened_on=change.happened_on,
            before=was,
            after=after,
            successor_uscc=successor_code,
            other_uscc=change.other_uscc,
            document_number=change.document_number,
            reason=change.reason,
            report_due_on=None
            if duty is None or duty.within_months is None
            else months_ahead(change.happened_on, duty.within_months),
            duty_clause=None if duty is None else duty.clause,
            recorded_at=self._clock.now(),
            recorded_by=officer.as_record(),
        )

    def _duty(self, division: str, on: date) -> Duty | None:
        """Return the nearest law in force by which a change has to be reported."""
        for pack in self._catalogue.in_force(division, on):
            for duty in pack.duties:
                if duty.within_months is not None:
                    return duty
        return None

    def _add_report(self, of: EnterpriseChange, reported_on: date, officer: Actor) -> None:
        self._changes.add(
            ChangeReport(
                change_id=of.id,
                reported_on=reported_on,
                recorded_at=self._clock.now(),
                recorded_by=officer.as_record(),
            )
        )

    async def _apply(
        self, enterprise: Enterprise, recorded: EnterpriseChange, change: Change
    ) -> None:
        for attribute, value in (
            (Attribute.LEGAL_NAME, change.new_name),
            (Attribute.DIVISION, change.new_division),
        ):
            if value is not None:
                await self._enterprises.add_entry(
                    uscc=enterprise.uscc,
                    attribute=attribute,
                    value=value,
                    valid_from=change.happened_on,
                    now=self._clock.now(),
                    change_id=recorded.id,
                )
        await self._profiles.refresh(enterprise)

    async def _transfer(
        self,
        enterprise: Enterprise,
        running: Sequence[Recognition],
        recorded: EnterpriseChange,
        change: Change,
        successor_code: str,
        officer: Actor,
    ) -> None:
        """Let a successor go on with every title, under the same numbers and terms."""
        if not running:
            raise ChangeNotPossible(
                "该企业现不持有称号，没有可承继的；无承继的合并、分立请填写 other_uscc。",
                "It holds no title that another could go on with; a merger or a split without one names"
                " other_uscc.",
            )
        name = change.successor_name or ""
        # Made before it is read: of two mergers at once, the second finds what the first made.
        is_new = await self._enterprises.create(
            uscc=successor_code,
            legal_name=name,
            names_searched=searchable(name),
            division=change.new_division or enterprise.division,
            is_secret=enterprise.is_secret,
            now=self._clock.now(),
        )
        known = await self._enterprises.lock(successor_code)
        if known is None or not officer.is_in_charge_of(known.division):
            raise EnterpriseNotFound
        held = known_as(await self._enterprises.entries(successor_code), change.happened_on)
        field = enterprise.focus_field if is_new else known.focus_field
        successor = await self._profiles.keep_profile(
            Profile(
                uscc=successor_code,
                legal_name=held.legal_name or known.legal_name,
                division=held.division or known.division,
                focus_field=held.focus_field or field,
                is_secret=enterprise.is_secret or known.is_secret,
            ),
            known_from=change.happened_on,
        )
        for one in running:
            await self._steps.hand_over(
                uscc=one.uscc, title=one.title, to=successor_code, on=change.happened_on
            )
            begun = one.held_from or one.terms[0].valid_from
            if change.happened_on <= begun:
                raise ChangeNotPossible(
                    f"称号自 {begun} 起，承继日期须在其后。",
                    f"The title began on {begun}; a successor goes on later than that.",
                )
            place, one.status_index = one.status_index, None
            one.transferred_on = change.happened_on
            one.transferred_at = self._clock.now()
            one.transferred_to = new_id()
            # One holder lets go of number and place before the next one has them.
            await self._session.flush()
            following = self._continued(one, one.transferred_to, successor, change.happened_on)
            following.status_index = None if successor.is_secret else place
            self._recognitions.add(following)
            successor.is_recognised = True
            try:
                await self._session.flush()
            except IntegrityError as error:
                if violated_constraint(error) == "one_current_recognition":
                    raise SuccessorHoldsTitle from error
                raise
            await self._changes.hand_over(one.id, following.id)
            await self._profiles.refresh(successor)
            self._announce(
                following,
                successor,
                one,
                recorded,
                enterprise.uscc,
                enterprise.legal_name,
                enterprise.division,
            )
            self._journal.record(
                HistoryEntry(
                    subject_type="recognition",
                    subject_id=following.id,
                    action="taken_over",
                    actor=officer,
                    uscc=successor.uscc,
                    reason=change.reason,
                    policy_pack=one.policy_pack,
                    data={
                        "title": one.title,
                        "certificate_number": one.certificate_number,
                        "from_uscc": enterprise.uscc,
                        "from_recognition": str(one.id),
                        "happened_on": change.happened_on.isoformat(),
                        "document_number": change.document_number,
                    },
                )
            )

    def _continued(
        self, of: Recognition, following_id: UUID, successor: Enterprise, held_from: date
    ) -> Recognition:
        now = self._clock.now()
        return Recognition(
            id=following_id,
            uscc=successor.uscc,
            enterprise=successor,
            title=of.title,
            title_rank=of.title_rank,
            certificate_number=of.certificate_number,
            policy_pack=of.policy_pack,
            round_code=of.round_code,
            valid_from=of.valid_from,
            valid_until=of.valid_until,
            renewal_opens_on=of.renewal_opens_on,
            status_index=None,
            revoked_on=None,
            revoked_at=None,
            revocation_ground=None,
            finding_number=None,
            revocation_document=None,
            exclusion_until=None,
            transferred_on=None,
            transferred_at=None,
            transferred_to=None,
            held_from=held_from,
            created_at=now,
            terms=[
                RecognitionTerm(
                    number=term.number,
                    valid_from=term.valid_from,
                    valid_until=term.valid_until,
                    renewal_opens_on=term.renewal_opens_on,
                    document_number=term.document_number,
                    decided_on=term.decided_on,
                    policy_pack=term.policy_pack,
                    round_code=term.round_code,
                    application_id=term.application_id,
                    recorded_at=now,
                )
                for term in of.terms
            ],
        )

    def _announce(
        self,
        of: Recognition,
        holder: Enterprise,
        previous: Recognition,
        recorded: EnterpriseChange,
        previous_uscc: str,
        previous_name: str,
        previous_region: str,
    ) -> None:
        self._journal.announce(
            RecognitionChanged(
                **event_fields(of, holder),
                change=recorded.kind.value,
                happened_on=recorded.happened_on,
                previous_recognition_id=previous.id,
                previous_uscc=previous_uscc,
                previous_legal_name=previous_name,
                previous_region=previous_region,
                document_number=recorded.document_number,
            )
        )
