"""What intake does with an application, one sentence to a method."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.application_actions import actions_of
from services.applications.contacts import NewContact
from services.applications.filing_rules import (
    SIZED_BY,
    Dossier,
    Lacking,
    canonical_sha256,
    checked,
    completeness,
    determination_of,
    given_by,
    held_title,
    is_draft_of,
    is_secret,
    kind_of,
    lacking,
    pack_of_round,
    refuse_change_without_word,
    refuse_confirmation,
    refuse_imported,
    refuse_statement_without_word,
    refuse_withdrawal_without_word,
    require_complete,
    require_eligible,
    require_in_round,
    require_officer_of,
    require_open,
    require_own,
    require_word,
    seen_by,
    source_of,
    titles_on,
)
from services.applications.models import Application, Document, Mandate, Submission
from services.applications.problems import (
    ApplicationExists,
    ApplicationInHand,
    ApplicationNotFound,
    CopyNotPossible,
    FactsInvalid,
    RoundNotFound,
)
from services.applications.register import RegisterRecord
from services.applications.repository import (
    ApplicationRepository,
    ContactRepository,
    DocumentRepository,
    HoldingRepository,
    MandateRepository,
    RoundRepository,
)
from services.applications.workflow import (
    ApplicationStatus,
    HeldTitle,
    Step,
    after,
    refuse_edit,
    refuse_kind,
)
from services.contracts.applications import (
    ApplicationSubmitted,
    ApplicationWithdrawn,
    SizeDetermined,
    SubmittedDocument,
)
from services.kernel.actions import AvailableAction
from services.kernel.clock import Clock, day_of
from services.kernel.database import violated_constraint
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.preconditions import require_current
from services.kernel.regions import covers
from services.kernel.text import Text
from services.policy.catalogue import Catalogue
from services.policy.documents import DocumentKind
from services.policy.eligibility import Eligibility, check
from services.policy.enterprise_size import SizeDetermination
from services.policy.pack import Pack


@dataclass(frozen=True, slots=True)
class Prefill:
    """What a register added, and what it knows otherwise than the application says."""

    register: str
    as_of: date
    """The day of its data."""
    filled: Sequence[str]
    differing: Mapping[str, JsonValue]
    """By fact, what the register says; the application kept its own."""
    unreadable: Mapping[str, str]
    """What the register holds and no fact could be made of, by fact, as it stands there."""


class ApplicationService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._applications = ApplicationRepository(session)
        self._rounds = RoundRepository(session)
        self._holdings = HoldingRepository(session)
        self._mandates = MandateRepository(session)
        self._contacts = ContactRepository(session)
        self._documents = DocumentRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def start_draft(
        self,
        *,
        round_id: UUID,
        kind: str,
        facts: Mapping[str, JsonValue],
        contact: NewContact | None,
        copied_from: UUID | None,
        received_at: datetime,
        applicant: Actor,
    ) -> Application:
        """Start an application in an open round: the enterprise's own, or an office's draft for it.

        An office's draft counts from the day on which the enterprise gives its word. Until then it
        says nothing of what the enterprise does elsewhere, to whoever made it.
        """
        of = await self._rounds.find(round_id)
        if of is None:
            raise RoundNotFound
        today = day_of(received_at)
        require_open(of, today, at=received_at)
        pack_name = pack_of_round(of, kind)
        pack = self._catalogue.pack(pack_name)
        refuse_imported(pack, facts, applicant)
        earlier = await self._copied(copied_from, applicant)
        values = checked(pack, {**_carried_over(pack, earlier), **facts})
        uscc, division = values.get("uscc"), values.get("applying_division")
        if not isinstance(uscc, str) or not isinstance(division, str):
            raise FactsInvalid(
                errors=[
                    (f"/facts/{name}", "missing", Text("缺少必填项。", "It is required."))
                    for name in ("uscc", "applying_division")
                    if not isinstance(values.get(name), str)
                ]
            )
        require_in_round(of, division)
        require_own(applicant, uscc=uscc, division=division)
        if earlier is not None and earlier.uscc != uscc:
            raise CopyNotPossible
        mandate = await self._mandate(applicant, uscc)
        has_word = applicant.uscc is not None or mandate is not None
        held = await self._holdings.of_enterprise(uscc)
        # By what the office sees itself: a refusal for more than that, or its absence, would tell.
        known = held if has_word else seen_by(held, applicant)
        refuse_kind(kind, of.title, [held_title(row) for row in known], today, pack.validity)
        now = self._clock.now()
        draft = Application(
            id=new_id(),
            round_id=of.id,
            round=of,
            kind=kind,
            title=of.title,
            policy_pack=pack_name,
            uscc=uscc,
            division=division,
            status=ApplicationStatus.DRAFT,
            facts=values,
            provenance={name: given_by(applicant, now) for name in values},
            submission_number=0,
            applied_on=None,
            opened=[],
            return_reason=None,
            remarks=[],
            size_determination=None,
            created_by=applicant.sub,
            filed_region=None if applicant.uscc is not None else applicant.region,
            confirmed_at=now if has_word else None,
            confirmed_by=applicant.sub if has_word else None,
            mandate_id=None if mandate is None else mandate.id,
            created_at=now,
            updated_at=now,
        )
        self._applications.add(draft)
        await self._flush()
        if contact is not None:
            self._contacts.add(contact.row(draft.id, given_by=applicant.sub, given_at=now))
        if earlier is not None:
            await self._carry_documents_over(pack, earlier, draft, applicant)
        self._record(
            draft,
            "drafted",
            applicant,
            facts=sorted(values),
            **({} if earlier is None else {"copied_from": str(earlier.id)}),
            **({} if mandate is None else {"mandate_id": str(mandate.id)}),
        )
        return draft

    async def edit(
        self,
        application_id: UUID,
        *,
        facts: Mapping[str, JsonValue],
        version_read: int,
        applicant: Actor,
    ) -> Application:
        """Change some facts of a draft, or what a return for correction opened."""
        edited = await self._lock(application_id, applicant)
        require_current(version_read, edited.version)
        refuse_edit(edited.status, set(facts), set(edited.opened))
        pack = self._catalogue.pack(edited.policy_pack)
        refuse_imported(pack, facts, applicant)
        refuse_change_without_word(
            applicant,
            edited,
            await self._mandate(applicant, edited.uscc),
            pack=pack,
            names=list(facts),
        )
        await self._adopt(edited, applicant)
        merged = {**edited.facts, **facts}
        values = checked(pack, {name: value for name, value in merged.items() if value is not None})
        if values.get("uscc") != edited.uscc:
            raise FactsInvalid(
                errors=[
                    (
                        "/facts/uscc",
                        "immutable",
                        Text(
                            "统一社会信用代码不能更改；请撤回后重新申报。",
                            "The credit code cannot be changed; withdraw and start anew.",
                        ),
                    )
                ]
            )
        division = values.get("applying_division")
        if not isinstance(division, str):
            raise FactsInvalid(
                errors=[
                    ("/facts/applying_division", "missing", Text("不能删除。", "It must stay."))
                ]
            )
        require_in_round(edited.round, division)
        require_own(applicant, uscc=edited.uscc, division=division)
        _refuse_move(edited, division)
        await self._change(edited, values, applicant, action="edited")
        return edited

    async def expect_prefill(self, application_id: UUID, applicant: Actor) -> str:
        """Return the enterprise that a register may be asked about for an application.

        Refuses who may not fill it in before anything is asked.
        """
        of = await self.find(application_id, applicant)
        refuse_edit(of.status, set(), set())
        refuse_statement_without_word(applicant, of, await self._mandate(applicant, of.uscc))
        return of.uscc

    async def prefill(
        self,
        application_id: UUID,
        *,
        register_name: str,
        record: RegisterRecord,
        overwrite: Sequence[str],
        version_read: int,
        applicant: Actor,
    ) -> tuple[Application, Prefill]:
        """Fill in what a register knows of the enterprise, and name what it knows otherwise.

        What somebody stated stays, unless it is named to be overwritten.
        """
        filled = await self._lock(application_id, applicant)
        require_current(version_read, filled.version)
        refuse_edit(filled.status, set(), set())
        pack = self._catalogue.pack(filled.policy_pack)
        unknown = [name for name in overwrite if name not in pack.facts]
        if unknown:
            text = Text("政策包没有定义此项。", "The pack does not know this fact.")
            raise FactsInvalid(
                errors=[(f"/overwrite/{name}", "unknown_fact", text) for name in unknown]
            )
        mandate = await self._mandate(applicant, filled.uscc)
        refuse_statement_without_word(applicant, filled, mandate)
        refuse_change_without_word(applicant, filled, mandate, pack=pack, names=overwrite)
        await self._adopt(filled, applicant)
        told = {
            name: value
            for name, value in record.facts.items()
            if name in pack.facts and name not in {"uscc", "applying_division"}
        }
        offered = pack.check_facts(told).values
        is_draft = filled.status is ApplicationStatus.DRAFT
        taken = {
            name: value
            for name, value in offered.items()
            if (is_draft or name in filled.opened)
            and (name not in filled.facts or name in overwrite)
        }
        origin = {"register_name": register_name, "as_of": record.as_of.isoformat()}
        await self._change(
            filled, {**filled.facts, **taken}, applicant, action="prefilled", **origin
        )
        differing: dict[str, JsonValue] = {
            name: list(value) if isinstance(value, list) else value
            for name, value in offered.items()
            if name in filled.facts and filled.facts[name] != value
        }
        return filled, Prefill(
            register=register_name,
            as_of=record.as_of,
            filled=sorted(taken),
            differing=differing,
            unreadable={
                # What some pack takes and this one does not is told like what no pack does.
                **{name: str(value) for name, value in told.items() if name not in offered},
                **record.unreadable,
            },
        )

    async def determine_size(
        self,
        application_id: UUID,
        *,
        determination: SizeDetermination | None,
        version_read: int,
        officer: Actor,
    ) -> Application:
        """Determine the enterprise's size in place of the standard, or take that back (四.1).

        It rests on the figures as they are: a change of one of them ends it.
        """
        determined = await self._lock(application_id, officer)
        require_current(version_read, determined.version)
        require_officer_of(determined, officer)
        refuse_edit(determined.status, set(), set())
        if determined.size_determination is None and determination is None:
            return determined
        determined.size_determination = (
            None
            if determination is None
            else {
                "size": determination.size.value,
                "legal_basis": determination.legal_basis,
                "determined_by": officer.sub,
                "determined_at": self._clock.now().isoformat(),
            }
        )
        determined.updated_at = self._clock.now()
        await self._session.flush()
        if determination is None:
            self._record(determined, "size_determination_withdrawn", officer)
        else:
            self._record(
                determined,
                "size_determined",
                officer,
                reason=determination.legal_basis,
                size=determination.size.value,
            )
        return determined

    async def confirm(
        self, application_id: UUID, *, version_read: int, applicant: Actor
    ) -> Application:
        """Give the enterprise's word to a draft that an office made for it. From now on it counts."""
        confirmed = await self._lock(application_id, applicant)
        refuse_confirmation(applicant, confirmed)
        require_current(version_read, confirmed.version)
        await self._adopt(confirmed, applicant)
        return confirmed

    async def submit(
        self, application_id: UUID, *, received_at: datetime, applicant: Actor
    ) -> Application:
        """Freeze facts, documents and pack, and hand the application to the offices that review it.

        It counts on the day on which it came, however long the platform takes over it.
        """
        submitted = await self._lock(application_id, applicant)
        today = day_of(received_at)
        mandate = await self._mandate(applicant, submitted.uscc, day=today)
        require_word(applicant, submitted, mandate)
        new_status = after(submitted.status, Step.SUBMIT)
        # A correction that an office asked for may come after the round has closed.
        if submitted.status is ApplicationStatus.DRAFT:
            require_open(submitted.round, today, at=received_at)
        await self._adopt(submitted, applicant, mandate=mandate, day=today)
        pack = self._catalogue.pack(submitted.policy_pack)
        dossier = await self.dossier(submitted, applicant)
        require_complete(pack, submitted, dossier)
        held = await self._held(submitted.uscc)
        refuse_kind(submitted.kind, submitted.title, held, today, pack.validity)
        # Rolling periods count back from the day of application, also for a correction.
        submitted.applied_on = submitted.applied_on or today
        titles_held = titles_on(held, today)
        require_eligible(
            check(
                pack,
                title=submitted.title,
                kind=kind_of(submitted),
                facts=submitted.facts,
                on=submitted.applied_on,
                today=today,
                titles_held=titles_held,
                size=determination_of(submitted),
            )
        )
        submission = _frozen(
            submitted,
            pack,
            dossier.documents.values(),
            submitted_at=received_at,
            submitted_by=applicant.sub,
        )
        self._applications.add(submission)
        submitted.status = new_status
        submitted.submission_number = submission.number
        submitted.opened = []
        submitted.updated_at = self._clock.now()
        await self._flush()
        self._record(
            submitted,
            "submitted",
            applicant,
            submission_number=submission.number,
            received_at=received_at.isoformat(),
            facts_sha256=submission.facts_sha256,
            snapshot_sha256=submission.snapshot_sha256,
            pack_checksum=pack.checksum,
        )
        self._journal.announce(
            ApplicationSubmitted(
                uscc=submitted.uscc,
                region=submitted.division,
                is_secret=is_secret(submitted),
                application_id=submitted.id,
                submission_number=submission.number,
                submitted_on=today,
                round_id=submitted.round_id,
                round_code=submitted.round.code,
                kind=kind_of(submitted),
                title=submitted.title,
                policy_pack=pack.name,
                legal_name=str(submitted.facts["legal_name"]),
                filed_by=tuple(sorted({submitted.created_by, applicant.sub})),
                facts=submitted.facts,
                facts_sha256=submission.facts_sha256,
                documents=tuple(
                    SubmittedDocument.model_validate(document) for document in submission.documents
                ),
                snapshot_sha256=submission.snapshot_sha256,
                titles_held=titles_held,
                size_determination=None
                if submitted.size_determination is None
                else SizeDetermined.model_validate(submitted.size_determination),
            )
        )
        return submitted

    async def withdraw(self, application_id: UUID, *, reason: str, applicant: Actor) -> Application:
        """Take an application back before it is decided, or refuse a draft that an office made."""
        withdrawn = await self._lock(application_id, applicant)
        new_status = after(withdrawn.status, Step.WITHDRAW)
        refuse_withdrawal_without_word(
            applicant, withdrawn, await self._mandate(applicant, withdrawn.uscc)
        )
        was_known_to_review = withdrawn.submission_number > 0
        withdrawn.status = new_status
        withdrawn.updated_at = self._clock.now()
        await self._session.flush()
        self._record(withdrawn, "withdrawn", applicant, reason=reason)
        if was_known_to_review:
            self._journal.announce(
                ApplicationWithdrawn(
                    uscc=withdrawn.uscc,
                    region=withdrawn.division,
                    is_secret=is_secret(withdrawn),
                    application_id=withdrawn.id,
                    round_code=withdrawn.round.code,
                    title=withdrawn.title,
                    reason=reason,
                )
            )
        return withdrawn

    async def find(self, application_id: UUID, reader: Actor) -> Application:
        found = await self._applications.find(application_id, reader)
        if found is None:
            raise ApplicationNotFound
        return found

    async def page(
        self,
        reader: Actor,
        page: Paging,
        *,
        round_id: UUID | None,
        status: ApplicationStatus | None,
        region: str | None,
        uscc: str | None,
    ) -> Found[Application]:
        return await self._applications.page(
            reader, page, round_id=round_id, status=status, region=region, uscc=uscc
        )

    async def submissions(
        self, application_id: UUID, reader: Actor
    ) -> tuple[Application, Sequence[Submission]]:
        """Return an application with what was submitted, each time as it was frozen."""
        found = await self.find(application_id, reader)
        return found, await self._applications.submissions(application_id)

    async def timeline(self, application_id: UUID, reader: Actor) -> Sequence[RowMapping]:
        await self.find(application_id, reader)
        return await self._applications.timeline(application_id)

    async def eligibility(self, application_id: UUID, reader: Actor) -> Eligibility:
        """Explain how the application stands against each condition today."""
        found = await self.find(application_id, reader)
        today = self._clock.today()
        held = await self._holdings.of_enterprise(found.uscc)
        if reader.uscc is None and found.confirmed_at is None:
            # The enterprise has not said that it applies here: what it holds elsewhere is not told.
            held = seen_by(held, reader)
        return check(
            self._catalogue.pack(found.policy_pack),
            title=found.title,
            kind=kind_of(found),
            facts=found.facts,
            on=found.applied_on or today,
            today=today,
            titles_held=titles_on([held_title(row) for row in held], today),
            size=determination_of(found),
        )

    async def dossier(self, of: Application, reader: Actor) -> Dossier:
        return (await self.dossiers([of], reader))[of.id]

    async def dossiers(self, of: Sequence[Application], reader: Actor) -> dict[UUID, Dossier]:
        """Return what belongs to some applications, all of it at once."""
        ids = [one.id for one in of]
        documents: dict[UUID, dict[str, Document]] = {one: {} for one in ids}
        for document in await self._applications.documents_of(ids):
            documents[document.application_id][document.kind] = document
        reachable = await self._applications.with_contact(ids)
        mandates: Mapping[str, Mandate] = {}
        if reader.uscc is None:
            mandates = await self._mandates.in_force(
                sorted({one.uscc for one in of}), region=reader.region, day=self._clock.today()
            )
        return {
            one.id: Dossier(
                documents=documents[one.id],
                has_contact=one.id in reachable,
                mandate=mandates.get(one.uscc),
            )
            for one in of
        }

    def lacking(self, of: Application, dossier: Dossier) -> tuple[Lacking, ...]:
        return lacking(self._catalogue.pack(of.policy_pack), of, dossier)

    def completeness(self, of: Application, dossier: Dossier) -> int:
        return completeness(self._catalogue.pack(of.policy_pack), of, dossier)

    def available_actions(
        self, of: Application, dossier: Dossier, reader: Actor
    ) -> list[AvailableAction]:
        """Return what the reader may do with the application, and why not where it may not."""
        pack = self._catalogue.pack(of.policy_pack)
        return actions_of(of, dossier, reader, pack=pack, today=self._clock.today())

    async def _change(
        self,
        changed: Application,
        values: Mapping[str, Any],
        by: Actor,
        *,
        action: str,
        **origin: str,
    ) -> None:
        """Put new facts in the place of the old ones, with who gave each of them."""
        names = sorted(
            name
            for name in {*changed.facts, *values}
            if changed.facts.get(name) != values.get(name)
        )
        if not names:
            return
        now = self._clock.now()
        changed.facts = dict(values)
        changed.provenance = {
            **{name: given for name, given in changed.provenance.items() if name in values},
            **{name: _given(by, now, origin) for name in names if name in values},
        }
        changed.division = str(values["applying_division"])
        changed.updated_at = now
        has_lapsed = changed.size_determination is not None and not SIZED_BY.isdisjoint(names)
        if has_lapsed:
            changed.size_determination = None
        await self._session.flush()
        self._record(changed, action, by, facts=names, **origin)
        if has_lapsed:
            self._record(
                changed,
                "size_determination_lapsed",
                by,
                reason="划型所依据的事实已修改。",
                facts=sorted(SIZED_BY.intersection(names)),
            )

    async def _adopt(
        self,
        of: Application,
        applicant: Actor,
        *,
        mandate: Mandate | None = None,
        day: date | None = None,
    ) -> None:
        """Let a draft that an office made count from now on, when it is taken up with the word.

        The enterprise takes it up itself, or an office under its mandate. So far nothing kept the
        enterprise from filing elsewhere; now its word decides which counts.
        """
        if of.confirmed_at is not None or (applicant.uscc is None and mandate is None):
            return
        pack = self._catalogue.pack(of.policy_pack)
        held = await self._held(of.uscc)
        refuse_kind(of.kind, of.title, held, day or self._clock.today(), pack.validity)
        of.confirmed_at = self._clock.now()
        of.confirmed_by = applicant.sub
        of.mandate_id = None if mandate is None else mandate.id
        await self._flush()
        self._record(
            of,
            "confirmed",
            applicant,
            **({} if mandate is None else {"mandate_id": str(mandate.id)}),
        )

    async def _copied(self, copied_from: UUID | None, applicant: Actor) -> Application | None:
        if copied_from is None:
            return None
        earlier = await self._applications.find(copied_from, applicant)
        if earlier is None:
            raise CopyNotPossible
        mandate = await self._mandate(applicant, earlier.uscc)
        if applicant.uscc is None and mandate is None and not is_draft_of(applicant, earlier):
            raise CopyNotPossible
        return earlier

    async def _carry_documents_over(
        self, pack: Pack, earlier: Application, draft: Application, applicant: Actor
    ) -> None:
        asked_for = {one.id: one for one in pack.documents_of(draft.title, kind_of(draft))}
        for document in await self._applications.documents_of([earlier.id]):
            kind = asked_for.get(document.kind)
            if kind is not None and _is_taken(document, kind):
                self._documents.add(
                    Document(
                        id=new_id(),
                        application_id=draft.id,
                        kind=document.kind,
                        sha256=document.sha256,
                        media_type=document.media_type,
                        file_name=document.file_name,
                        given_by=applicant.sub,
                        source=source_of(applicant),
                        given_at=self._clock.now(),
                        replaced_at=None,
                    )
                )
        await self._session.flush()

    async def _mandate(
        self, applicant: Actor, uscc: str, *, day: date | None = None
    ) -> Mandate | None:
        if applicant.uscc is not None:
            return None
        in_force = await self._mandates.in_force(
            [uscc], region=applicant.region, day=day or self._clock.today()
        )
        return in_force.get(uscc)

    async def _held(self, uscc: str) -> list[HeldTitle]:
        return [held_title(row) for row in await self._holdings.of_enterprise(uscc)]

    async def _lock(self, application_id: UUID, applicant: Actor) -> Application:
        found = await self._applications.lock(application_id, applicant)
        if found is None:
            raise ApplicationNotFound
        return found

    async def _flush(self) -> None:
        try:
            await self._session.flush()
        except IntegrityError as error:
            match violated_constraint(error):
                case "one_live_application" | "one_draft_of_an_office":
                    raise ApplicationExists from error
                case "one_application_in_hand":
                    raise ApplicationInHand from error
            raise

    def _record(
        self,
        of: Application,
        action: str,
        actor: Actor,
        *,
        reason: str | None = None,
        **data: Any,
    ) -> None:
        self._journal.record(
            HistoryEntry(
                subject_type="application",
                subject_id=of.id,
                action=action,
                actor=actor,
                uscc=of.uscc,
                reason=reason,
                policy_pack=of.policy_pack,
                data={"status": of.status.value, **data},
            )
        )


def _given(by: Actor, now: datetime, origin: Mapping[str, str]) -> dict[str, str]:
    """Return who gives a fact now: a person or client, or a register that it was asked of."""
    given = given_by(by, now, **origin)
    return {**given, "source": "register"} if "register_name" in origin else given


def _refuse_move(of: Application, division: str) -> None:
    """Keep a draft where the office that made it can see it: going out of sight would tell it where."""
    if of.filed_region is not None and not covers(of.filed_region, division):
        text = Text(
            "该草稿由主管部门代填，不能改到其辖区以外；请撤回后在申报地重新申报。",
            "An office drafted this for its own division; to apply elsewhere, withdraw it and start"
            " anew there.",
        )
        raise FactsInvalid(errors=[("/facts/applying_division", "outside_filed_region", text)])


def _is_taken(document: Document, kind: DocumentKind) -> bool:
    """Whether a document of an earlier application is what a pack takes now."""
    return (
        not document.content.is_infected
        and document.media_type in kind.media_types
        and document.content.size <= kind.max_megabytes * 1024 * 1024
    )


def _carried_over(pack: Pack, earlier: Application | None) -> dict[str, Any]:
    """Return the facts of an earlier application that its author may state again."""
    if earlier is None:
        return {}
    return {
        name: value
        for name, value in earlier.facts.items()
        if name in pack.facts
        and not pack.facts[name].is_imported
        and not pack.check_facts({name: value}).problems
    }


def _frozen(
    of: Application,
    pack: Pack,
    documents: Iterable[Document],
    *,
    submitted_at: datetime,
    submitted_by: str,
) -> Submission:
    """Return everything that an application says now, as one row that is never changed."""
    number = of.submission_number + 1
    listed = [
        {
            "kind": one.kind,
            "sha256": one.sha256,
            "size": one.content.size,
            "media_type": one.media_type,
            "file_name": one.file_name,
        }
        for one in sorted(documents, key=lambda one: one.kind)
        if not one.content.is_infected
    ]
    # In the spelling of every answer, so that whoever reads one can compute the hash again.
    determination = (
        None
        if of.size_determination is None
        else SizeDetermined.model_validate(of.size_determination).model_dump(mode="json")
    )
    snapshot = {
        "application_id": str(of.id),
        "number": number,
        "kind": of.kind,
        "title": of.title,
        "uscc": of.uscc,
        "applied_on": None if of.applied_on is None else of.applied_on.isoformat(),
        "policy_pack": pack.name,
        "pack_checksum": pack.checksum,
        "documents_checksum": pack.documents_checksum,
        "facts": of.facts,
        "documents": listed,
        "size_determination": determination,
    }
    return Submission(
        application_id=of.id,
        number=number,
        submitted_at=submitted_at,
        submitted_by=submitted_by,
        policy_pack=pack.name,
        pack_checksum=pack.checksum,
        facts=of.facts,
        facts_sha256=canonical_sha256(of.facts),
        provenance=of.provenance,
        documents=listed,
        documents_checksum=pack.documents_checksum,
        size_determination=determination,
        snapshot_sha256=canonical_sha256(snapshot),
    )
