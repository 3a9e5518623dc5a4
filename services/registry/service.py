"""What the registry does, one sentence to a method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.registry import (
    RecognitionGranted,
    RecognitionRenewed,
    RecognitionRevoked,
    RevocationGroundId,
)
from services.contracts.review import CaseRecognised
from services.kernel.actions import AvailableAction, offer
from services.kernel.clock import Clock
from services.kernel.database import violated_constraint
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import NOBODY, Actor, Office, Scope
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.problems import NotAllowed
from services.kernel.regions import covers
from services.kernel.text import Text
from services.policy import credit_code
from services.policy.catalogue import Catalogue
from services.policy.credit_code import CreditCodeInvalid
from services.policy.pack import Pack, RevocationGround, Title
from services.policy.validity import (
    Term,
    first_term,
    next_term,
    renewal_opens_on,
    years_after,
)
from services.registry.models import Enterprise, Recognition, RecognitionTerm
from services.registry.problems import (
    AlreadyRecognised,
    CertificateNotFound,
    CreditCodeNotValid,
    EnterpriseNotFound,
    FindingNeeded,
    OtherDivision,
    RecognitionInFuture,
    RecognitionNotFound,
    RecognitionRevokedAlready,
    RevocationDayNotPossible,
    TitleNotRecordedHere,
    UnknownGround,
)
from services.registry.repository import (
    EnterpriseRepository,
    FilingRepository,
    RecognitionRepository,
)
from services.registry.workflow import (
    COUNTS,
    Life,
    RecognitionStatus,
    VerificationCode,
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What the registry is told of an enterprise beside its title."""

    uscc: str
    legal_name: str
    division: str
    focus_field: str | None
    is_secret: bool


@dataclass(frozen=True, slots=True)
class TermGranted:
    """What a new term rests on."""

    document_number: str
    decided_on: date
    application_id: UUID | None
    round_code: str | None


_COUNTING = frozenset(status.value for status in COUNTS)


@dataclass(frozen=True, slots=True)
class Verified:
    uscc: str
    title: str | None
    code: VerificationCode
    valid_from: date | None = None
    valid_until: date | None = None
    certificate_number: str | None = None

    @property
    def is_valid(self) -> bool:
        return self.code.value in _COUNTING


@dataclass(frozen=True, slots=True)
class Standing:
    """A recognition as it stands on a day."""

    recognition: Recognition
    term: Term
    status: RecognitionStatus


class RegistryService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._enterprises = EnterpriseRepository(session)
        self._recognitions = RecognitionRepository(session)
        self._filings = FilingRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def record_recognised(self, event: CaseRecognised, system: Actor) -> None:
        """Record the title that review recognised, with the term that its pack sets."""
        if event.uscc is None or event.region is None:
            raise ValueError(f"case {event.case_id} names no enterprise or division")
        field = event.facts.get("focus_field")
        enterprise = await self._keep_profile(
            Profile(
                uscc=event.uscc,
                legal_name=event.legal_name,
                division=event.region,
                focus_field=field if isinstance(field, str) else None,
                is_secret=event.is_secret,
            ),
            known_from=event.decided_on,
        )
        granted = TermGranted(
            document_number=event.document_number,
            decided_on=event.decided_on,
            application_id=event.application_id,
            round_code=event.round_code,
        )
        pack = self._catalogue.pack(event.policy_pack)
        current = await self._recognitions.current(event.uscc, event.title)
        if current is None:
            await self._grant(enterprise, pack, event.title, granted, system)
        elif event.kind == "new" and current.valid_until >= event.decided_on:
            # Two applications for one title, decided one after the other, make one term.
            self._record(
                current,
                "recognised_again",
                system,
                reason="该称号仍在有效期内，不增加有效期。",
                application_id=str(event.application_id),
                document_number=event.document_number,
            )
        else:
            await self._renew(enterprise, current, pack, granted, system)
        await self.settle(
            application_id=event.application_id,
            uscc=event.uscc,
            title=event.title,
            on=event.decided_on,
        )

    async def record_ministerial(
        self,
        *,
        uscc: str,
        legal_name: str,
        title: str,
        valid_from: date,
        document_number: str,
        region: str,
        officer: Actor,
    ) -> Recognition:
        """Record a title that the ministry announced, with the term of the pack in force."""
        code = _credit_code(uscc)
        if not officer.is_in_charge_of(region):
            raise NotAllowed
        if valid_from > self._clock.today():
            raise RecognitionInFuture
        pack = self._pack_of_ministry(title, region, valid_from)
        existing = await self._enterprises.lock(code)
        # An enterprise that is known stays where it is: this records a title, it moves nobody.
        if existing is not None and not officer.is_in_charge_of(existing.division):
            raise NotAllowed
        if existing is not None and not covers(region, existing.division):
            raise OtherDivision(
                f"该企业在名录中的所属地为 {existing.division}。",
                f"The registry has it in {existing.division}.",
            )
        enterprise = await self._keep_profile(
            Profile(
                uscc=code,
                legal_name=legal_name,
                division=existing.division if existing else region,
                focus_field=existing.focus_field if existing else None,
                is_secret=existing.is_secret if existing else False,
            ),
            known_from=valid_from,
        )
        if await self._recognitions.current(code, title) is not None:
            raise AlreadyRecognised
        granted = TermGranted(
            document_number=document_number,
            decided_on=valid_from,
            application_id=None,
            round_code=None,
        )
        return await self._grant(enterprise, pack, title, granted, officer)

    async def revoke(
        self,
        recognition_id: UUID,
        *,
        ground: RevocationGroundId,
        finding_number: str | None,
        document_number: str,
        decided_on: date,
        officer: Actor,
    ) -> tuple[Recognition, Sequence[Recognition]]:
        """End a title on a ground of its pack. Return it, and the titles to examine beside it."""
        found = await self._recognitions.find(recognition_id, officer)
        if found is None or not officer.is_in_charge_of(found.enterprise.division):
            raise RecognitionNotFound
        await self._enterprises.lock(found.uscc)
        await self._session.refresh(found, ["revoked_on", "version"])
        if found.revoked_on is not None:
            raise RecognitionRevokedAlready
        law = self._ground(found, ground)
        if law.needs_finding and finding_number is None:
            raise FindingNeeded
        today = self._clock.today()
        if not found.terms[0].valid_from <= decided_on <= today:
            raise RevocationDayNotPossible(
                f"认定自 {found.terms[0].valid_from} 起，今天是 {today}，"
                f"撤销日期 {decided_on} 不成立。",
                f"The title begins on {found.terms[0].valid_from} and today is {today};"
                f" {decided_on} is not between them.",
            )
        found.revoked_on = decided_on
        found.revocation_ground = ground
        found.finding_number = finding_number
        found.revocation_document = document_number
        found.exclusion_until = (
            years_after(decided_on, law.exclusion_years) - timedelta(days=1)
            if law.exclusion_years
            else None
        )
        await self._session.flush()
        self._record(
            found,
            "revoked",
            officer,
            reason=law.name.zh,
            clause=law.clause,
            ground=ground,
            finding_number=finding_number,
            document_number=document_number,
            revoked_on=decided_on.isoformat(),
        )
        self._journal.announce(
            RecognitionRevoked(
                **_event_fields(found, found.enterprise),
                ground=ground,
                revoked_on=decided_on,
                finding_number=finding_number,
                document_number=document_number,
                recovers_rewards=law.recovers_rewards,
                exclusion_until=found.exclusion_until,
            )
        )
        others = await self._recognitions.others(found) if law.examines_other_titles else []
        return found, others

    async def note_renewal_filed(
        self, *, application_id: UUID, uscc: str, title: str, on: date
    ) -> None:
        """Remember that renewal material is in, so that an ended term reads as awaiting renewal."""
        await self._filings.note_filed(application_id=application_id, uscc=uscc, title=title, on=on)

    async def settle(self, *, application_id: UUID, uscc: str, title: str, on: date) -> None:
        """Remember that an application was decided or taken back."""
        await self._filings.note_settled(
            application_id=application_id, uscc=uscc, title=title, on=on
        )

    async def reopen(self, application_id: UUID) -> None:
        """Note that a renewal is undecided again: its refusal was set aside."""
        await self._filings.note_reopened(application_id)

    async def find(self, uscc: str, reader: Actor) -> Enterprise:
        found = await self._enterprises.find(credit_code.normalise(uscc), reader)
        if found is None:
            raise EnterpriseNotFound
        return found

    async def page(
        self,
        reader: Actor,
        page: Paging,
        *,
        title: str | None = None,
        status: RecognitionStatus | None = None,
        region: str | None = None,
        focus_field: str | None = None,
        q: str | None = None,
        valid_on: date | None = None,
        renewal_due_before: date | None = None,
    ) -> Found[Enterprise]:
        return await self._enterprises.page(
            reader,
            page,
            title=title,
            status=status,
            region=region,
            focus_field=focus_field,
            q=q,
            valid_on=valid_on,
            renewal_due_before=renewal_due_before,
            today=self._clock.today(),
        )

    async def history(self, uscc: str, reader: Actor) -> Sequence[RowMapping]:
        """Return every step that concerns an enterprise; its own, or those of its offices."""
        found = await self.find(uscc, reader)
        is_own = reader.uscc == found.uscc
        if not is_own and not reader.is_in_charge_of(found.division):
            raise EnterpriseNotFound
        return await self._enterprises.history(found.uscc)

    async def find_recognition(self, recognition_id: UUID, reader: Actor) -> Recognition:
        found = await self._recognitions.find(recognition_id, reader)
        if found is None:
            raise RecognitionNotFound
        return found

    async def certificate(self, number: str) -> Recognition:
        """Return the recognition that a certificate number stands for, as anybody may see it."""
        found = await self._recognitions.find_by_certificate(number, NOBODY)
        if found is None:
            raise CertificateNotFound
        return found

    async def verify(
        self, items: Sequence[tuple[str, str | None]], *, on: date | None, reader: Actor
    ) -> tuple[date, list[Verified]]:
        """Say for each enterprise and title whether it is valid on a day: one or a thousand alike."""
        day = on or self._clock.today()
        codes = [credit_code.normalise(uscc) for uscc, _ in items]
        enterprises = await self._enterprises.find_many(list(dict.fromkeys(codes)), reader)
        filings = await self._filings.open_filings(list(enterprises), day)
        return day, [
            self._verified(code, title, enterprises.get(code), day, filings)
            for code, (_, title) in zip(codes, items, strict=True)
        ]

    async def duties(
        self, reader: Actor, page: Paging, *, due_before: date | None
    ) -> Found[Recognition]:
        return await self._recognitions.duties(
            reader, page, due_before=due_before, today=self._clock.today()
        )

    async def filings_of(
        self, recognitions: Sequence[Recognition], on: date
    ) -> dict[tuple[str, str], date]:
        return await self._filings.open_filings([one.uscc for one in recognitions], on)

    def today(self) -> date:
        return self._clock.today()

    def standing(
        self, of: Recognition, on: date, filings: Mapping[tuple[str, str], date]
    ) -> Standing:
        """Return a recognition's term and computed state on a day."""
        life = Life(
            terms=[Term(term.valid_from, term.valid_until) for term in of.terms],
            revoked_on=of.revoked_on,
            renewal_filed_on=filings.get((of.uscc, of.title)),
        )
        pack = self._catalogue.pack(of.policy_pack)
        return Standing(of, term=life.term_on(on), status=life.status_on(on, pack.validity))

    def title_of(self, of: Recognition) -> Title:
        return self._catalogue.pack(of.policy_pack).title_named(of.title)

    def renewal_clause(self, of: Recognition) -> str:
        return self._catalogue.pack(of.policy_pack).validity.clause

    def ground_of(self, of: Recognition) -> RevocationGround | None:
        if of.revocation_ground is None:
            return None
        return self._catalogue.pack(of.policy_pack).ground(of.revocation_ground)

    def available_actions(self, of: Recognition, reader: Actor) -> list[AvailableAction]:
        def refuse() -> None:
            may = reader.may(Scope.REGISTRY_WRITE) and reader.holds(Office.PROVINCE)
            if not may or not reader.is_in_charge_of(of.enterprise.division):
                raise NotAllowed
            if of.revoked_on is not None:
                raise RecognitionRevokedAlready

        return [offer("revoke", "POST", f"/api/v1/recognitions/{of.id}/revocation", refuse)]

    async def _keep_profile(self, profile: Profile, *, known_from: date) -> Enterprise:
        """Return the locked enterprise with its newest name and place, made if it is new."""
        now = self._clock.now()
        is_new = await self._enterprises.create(
            uscc=profile.uscc,
            legal_name=profile.legal_name,
            division=profile.division,
            is_secret=profile.is_secret,
            now=now,
        )
        enterprise = await self._enterprises.lock(profile.uscc)
        if enterprise is None:
            raise LookupError(profile.uscc)
        if is_new or enterprise.legal_name != profile.legal_name:
            await self._enterprises.add_name(
                uscc=profile.uscc, legal_name=profile.legal_name, valid_from=known_from
            )
        enterprise.legal_name = profile.legal_name
        enterprise.division = profile.division
        enterprise.focus_field = profile.focus_field
        enterprise.is_secret = profile.is_secret
        enterprise.updated_at = now
        await self._session.flush()
        return enterprise

    async def _grant(
        self, enterprise: Enterprise, pack: Pack, title: str, granted: TermGranted, actor: Actor
    ) -> Recognition:
        term = first_term(pack.validity, granted.decided_on)
        recognition = Recognition(
            id=new_id(),
            uscc=enterprise.uscc,
            enterprise=enterprise,
            title=title,
            certificate_number=await self._certificate_number(
                enterprise, pack.title_named(title), granted.decided_on
            ),
            policy_pack=pack.name,
            round_code=granted.round_code,
            valid_from=term.valid_from,
            valid_until=term.valid_until,
            renewal_opens_on=renewal_opens_on(pack.validity, term),
            revoked_on=None,
            revocation_ground=None,
            finding_number=None,
            revocation_document=None,
            exclusion_until=None,
            created_at=self._clock.now(),
            terms=[_term_row(1, term, pack, granted)],
        )
        self._enterprises.add(recognition)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "one_current_recognition":
                raise AlreadyRecognised from error
            raise
        self._record_term(recognition, "granted", actor, pack, granted)
        self._journal.announce(
            RecognitionGranted(
                **_event_fields(recognition, enterprise),
                document_number=granted.document_number,
                application_id=granted.application_id,
            )
        )
        return recognition

    async def _renew(
        self,
        enterprise: Enterprise,
        current: Recognition,
        pack: Pack,
        granted: TermGranted,
        actor: Actor,
    ) -> None:
        """Give the next term: from the day after the old one, or anew when that had run out."""
        ending = Term(current.valid_from, current.valid_until)
        following = next_term(pack.validity, ending)
        filings = await self._filings.open_filings([current.uscc], granted.decided_on)
        is_lapsed = (
            granted.decided_on > ending.valid_until and (current.uscc, current.title) not in filings
        )
        if is_lapsed:
            following = first_term(pack.validity, granted.decided_on)
        current.terms.append(_term_row(len(current.terms) + 1, following, pack, granted))
        current.policy_pack = pack.name
        current.round_code = granted.round_code
        current.valid_from = following.valid_from
        current.valid_until = following.valid_until
        current.renewal_opens_on = renewal_opens_on(pack.validity, following)
        await self._session.flush()
        self._record_term(current, "renewed", actor, pack, granted)
        self._journal.announce(
            RecognitionRenewed(
                **_event_fields(current, enterprise),
                document_number=granted.document_number,
                application_id=granted.application_id,
            )
        )

    def _record_term(
        self, of: Recognition, action: str, actor: Actor, pack: Pack, granted: TermGranted
    ) -> None:
        self._record(
            of,
            action,
            actor,
            clause=pack.validity.clause,
            document_number=granted.document_number,
            valid_from=of.valid_from.isoformat(),
            valid_until=of.valid_until.isoformat(),
        )

    async def _certificate_number(self, of: Enterprise, title: Title, on: date) -> str:
        """Return the next number: province, title, year, serial (52-ZJTX-2026-00001).

        A secret-involved enterprise has a series of its own: in the public one, its number would be
        missing and so be counted.
        """
        series = f"{of.division[:2]}-{title.short_code}-{on.year}"
        if of.is_secret:
            series += "-N"
        return f"{series}-{await self._recognitions.next_serial(series):05}"

    def _pack_of_ministry(self, title: str, region: str, on: date) -> Pack:
        """Return the nearest pack in force by which the ministry confers a title."""
        for pack in self._catalogue.in_force(region, on):
            found = pack.find_title(title)
            if found is not None and found.conferred_by == "ministry":
                return pack
        raise TitleNotRecordedHere(
            f"{on} 在 {region} 施行的政策包中，{title} 不是部委公布的称号。",
            f"By no pack in force in {region} on {on} is {title} conferred by the ministry.",
        )

    def _ground(self, of: Recognition, ground: RevocationGroundId) -> RevocationGround:
        pack = self._catalogue.pack(of.policy_pack)
        law = pack.ground(ground)
        if law is None:
            offered = ", ".join(one.id for one in pack.revocation_grounds)
            raise UnknownGround(
                f"政策包 {pack.name} 规定的撤销情形：{offered}。",
                f"The grounds of {pack.name} are: {offered}.",
            )
        return law

    def _verified(
        self,
        code: str,
        title: str | None,
        enterprise: Enterprise | None,
        on: date,
        filings: Mapping[tuple[str, str], date],
    ) -> Verified:
        if not credit_code.is_valid(code):
            return Verified(code, title, VerificationCode.UNKNOWN_CODE)
        standings = [
            self.standing(one, on, filings)
            for one in (enterprise.recognitions if enterprise else ())
            if (title is None or one.title == title) and one.terms[0].valid_from <= on
        ]
        if not standings:
            return Verified(code, title, VerificationCode.NEVER_RECOGNISED)
        # Of several, what counts comes first, then the higher title, then the newer.
        best = max(
            standings,
            key=lambda one: (
                one.status in COUNTS,
                self.title_of(one.recognition).rank,
                one.term.valid_from,
                one.recognition.id,
            ),
        )
        return Verified(
            uscc=code,
            title=best.recognition.title,
            code=VerificationCode(best.status.value),
            valid_from=best.term.valid_from,
            valid_until=best.term.valid_until,
            certificate_number=best.recognition.certificate_number,
        )

    def _record(
        self,
        of: Recognition,
        action: str,
        actor: Actor,
        *,
        reason: str | None = None,
        clause: str | None = None,
        **data: Any,
    ) -> None:
        self._journal.record(
            HistoryEntry(
                subject_type="recognition",
                subject_id=of.id,
                action=action,
                actor=actor,
                uscc=of.uscc,
                reason=reason,
                clause=clause,
                policy_pack=of.policy_pack,
                data={"title": of.title, "certificate_number": of.certificate_number, **data},
            )
        )


def _credit_code(text: str) -> str:
    try:
        return credit_code.parse(text).value
    except CreditCodeInvalid as invalid:
        raise CreditCodeNotValid(
            invalid.detail.zh,
            invalid.detail.en,
            errors=[("/uscc", invalid.code, Text(invalid.detail.zh, invalid.detail.en))],
        ) from invalid


def _term_row(number: int, term: Term, pack: Pack, granted: TermGranted) -> RecognitionTerm:
    return RecognitionTerm(
        number=number,
        valid_from=term.valid_from,
        valid_until=term.valid_until,
        document_number=granted.document_number,
        decided_on=granted.decided_on,
        policy_pack=pack.name,
        application_id=granted.application_id,
    )


def _event_fields(of: Recognition, enterprise: Enterprise) -> dict[str, Any]:
    return {
        "uscc": of.uscc,
        "region": enterprise.division,
        "is_secret": enterprise.is_secret,
        "recognition_id": of.id,
        "title": of.title,
        "legal_name": enterprise.legal_name,
        "certificate_number": of.certificate_number,
        "valid_from": of.valid_from,
        "valid_until": of.valid_until,
        "policy_pack": of.policy_pack,
        "round_code": of.round_code,
    }
