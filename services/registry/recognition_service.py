"""Recognitions: granted, renewed, recorded from an older list, revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

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
from services.kernel.identity.actor import Actor, Office, Scope
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.problems import NotAllowed
from services.kernel.regions import covers, is_province
from services.policy.catalogue import Catalogue
from services.policy.divisions import divisions
from services.policy.pack import Pack, RevocationGround, Title
from services.policy.validity import (
    Term,
    first_term,
    next_term,
    renewal_opens_on,
    years_after,
)
from services.registry.enterprise_service import (
    EnterpriseService,
    Profile,
    known_as,
    read_credit_code,
)
from services.registry.models import (
    Attribute,
    Enterprise,
    Outcome,
    Recognition,
    RecognitionTerm,
)
from services.registry.names import searchable
from services.registry.problems import (
    AlreadyRecognised,
    CertificateNotFound,
    CertificateNumberTaken,
    FindingNeeded,
    FindingNotRecorded,
    NameDiffers,
    OtherDivision,
    RecognitionInFuture,
    RecognitionNotFound,
    RecognitionRevokedAlready,
    RevocationDayNotPossible,
    TermNotPossible,
    TermOverlaps,
    TitleNotRecordedHere,
    UnknownDivision,
    UnknownGround,
    UnknownTitle,
)
from services.registry.recognition_repository import STATUS_LIST, RecognitionRepository
from services.registry.renewal_steps import RenewalSteps
from services.registry.repository import EnterpriseRepository
from services.registry.standing import life_of


@dataclass(frozen=True, slots=True)
class TermGranted:
    """What a new term rests on."""

    document_number: str
    decided_on: date
    application_id: UUID | None
    round_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OlderRecognition:
    """One row of an older list: what was recognised before the registry kept it."""

    uscc: str
    legal_name: str
    division: str
    title: str
    certificate_number: str | None
    valid_from: date
    valid_until: date | None
    """The last valid day; None takes it from the pack that was in force."""
    document_number: str
    decided_on: date
    focus_field: str | None


class RecognitionService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._enterprises = EnterpriseRepository(session)
        self._recognitions = RecognitionRepository(session)
        self._profiles = EnterpriseService(session, clock)
        self._steps = RenewalSteps(session, clock)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def record_recognised(self, event: CaseRecognised, system: Actor) -> None:
        """Record the title that review recognised, with the term that its pack sets."""
        if event.uscc is None or event.region is None:
            raise ValueError(f"case {event.case_id} names no enterprise or division")
        # First of all: a merger at the same time would let the title go elsewhere.
        await self._enterprises.lock(event.uscc)
        if event.kind == "renewal" and await self._renew_at_successor(event, system):
            return
        field = event.facts.get("focus_field")
        enterprise = await self._profiles.keep_profile(
            Profile(
                uscc=event.uscc,
                legal_name=event.legal_name,
                division=event.region,
                focus_field=field if isinstance(field, str) else None,
                is_secret=event.is_secret,
            ),
            known_from=event.decided_on,
        )
        if event.kind == "renewal" and event.applied_on is not None:
            # Whether a title had lapsed depends on it, and intake's own news may come later.
            await self._steps.note_filed(
                application_id=event.application_id,
                uscc=event.uscc,
                title=event.title,
                on=event.applied_on,
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
        elif _is_term_of(current, event.application_id) or (
            event.kind == "new" and current.valid_until >= event.decided_on
        ):
            # Two applications for one title, decided one after the other, make one term; and so
            # does one application, however often it is announced.
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
        await self._steps.note_settled(
            application_id=event.application_id,
            uscc=event.uscc,
            title=event.title,
            on=event.decided_on,
            outcome=Outcome.RECOGNISED,
        )

    async def note_excluded(
        self, event: CaseRecognised, system: Actor
    ) -> tuple[Recognition, Recognition] | None:
        """Return what was recognised although its enterprise was excluded, and the revocation before.

        None where it was not. Review holds such a case up; one that it had recognised before it heard
        of the revocation is recorded like any other, with that fact in its history.
        """
        uscc = event.uscc or ""
        revoked = await self._recognitions.exclusion_on(uscc, event.decided_on)
        if revoked is None:
            return None
        recognised = await self._recognitions.current(
            uscc, event.title
        ) or await self._recognitions.successor(uscc, event.title)
        if recognised is None:
            raise LookupError(f"case {event.case_id} led to no recognition of {event.title}")
        self._record(
            recognised,
            "recognised_while_excluded",
            system,
            reason=f"该企业在 {revoked.exclusion_until} 前（含当日）不得申报，须审查。",
            application_id=str(event.application_id),
            document_number=event.document_number,
            because_of=str(revoked.id),
            finding_number=revoked.finding_number,
        )
        return recognised, revoked

    async def _renew_at_successor(self, event: CaseRecognised, system: Actor) -> bool:
        """Give the next term to whoever went on with a title while its renewal was under way."""
        uscc = event.uscc or ""
        if await self._recognitions.current(uscc, event.title) is not None:
            return False
        holder: Enterprise | None = None
        following = await self._recognitions.successor(uscc, event.title)
        while following is not None:
            holder = await self._enterprises.lock(following.uscc)
            locked, following = following, await self._recognitions.successor(uscc, event.title)
            if following is not None and following.id == locked.id:
                break
        if following is None or holder is None:
            return False
        current = await self._recognitions.current(following.uscc, event.title)
        if current is None or _is_term_of(current, event.application_id):
            return current is not None
        if event.applied_on is not None:
            # Whether the title had lapsed depends on it, and intake's own news may come later.
            await self._steps.note_filed(
                application_id=event.application_id,
                uscc=uscc,
                title=event.title,
                on=event.applied_on,
            )
            await self._session.flush()
        granted = TermGranted(
            document_number=event.document_number,
            decided_on=event.decided_on,
            application_id=event.application_id,
            round_code=event.round_code,
        )
        pack = self._catalogue.pack(event.policy_pack)
        await self._renew(holder, current, pack, granted, system)
        await self._steps.note_settled(
            application_id=event.application_id,
            uscc=uscc,
            title=event.title,
            on=event.decided_on,
            outcome=Outcome.RECOGNISED,
        )
        return True

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
        code = read_credit_code(uscc)
        if not officer.is_in_charge_of(region):
            raise NotAllowed
        if valid_from > self._clock.today():
            raise RecognitionInFuture
        pack = self._pack_of_ministry(title, region, valid_from)
        existing = await self._enterprises.lock(code)
        if existing is None and (region not in divisions() or is_province(region)):
            # What lies in no city would be counted in none.
            raise UnknownDivision
        # An enterprise that is known stays where it is: this records a title, it moves nobody.
        if existing is not None and not officer.is_in_charge_of(existing.division):
            raise NotAllowed
        if existing is not None and not covers(region, existing.division):
            raise OtherDivision(
                f"该企业在名录中的所属地为 {existing.division}。",
                f"The registry has it in {existing.division}.",
            )
        enterprise = await self._profiles.keep_profile(
            await self._profile_on(
                existing, code, legal_name=legal_name, division=region, on=valid_from
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

    async def record_older(self, row: OlderRecognition, officer: Actor) -> bool:
        """Record a title from an older list. Return False when the same is on record already.

        Nothing that is on record is rewritten: a term that overlaps, another certificate number or
        another name is refused.
        """
        code = read_credit_code(row.uscc)
        if row.division not in divisions():
            raise UnknownDivision
        if not officer.is_in_charge_of(row.division):
            raise NotAllowed
        pack = self._pack_of_title(row.title, row.division, row.valid_from)
        term = self._older_term(row, pack)
        existing = await self._enterprises.lock(code)
        if existing is not None and not officer.is_in_charge_of(existing.division):
            raise NotAllowed
        enterprise = await self._profiles.keep_profile(
            await self._profile_on(
                existing,
                code,
                legal_name=row.legal_name,
                division=row.division,
                on=row.valid_from,
                focus_field=row.focus_field,
            ),
            known_from=row.valid_from,
        )
        granted = TermGranted(
            document_number=row.document_number,
            decided_on=row.decided_on,
            application_id=None,
            round_code=None,
        )
        for ended in await self._recognitions.ended(code, row.title):
            # What was revoked, or went over to another, does not come back with an older list.
            if _has_term(ended, term):
                return False
            _refuse_overlap(ended, term)
        current = await self._recognitions.current(code, row.title)
        if current is None:
            if row.certificate_number is not None and await self._recognitions.is_numbered(
                row.certificate_number
            ):
                raise CertificateNumberTaken
            await self._grant(
                enterprise,
                pack,
                row.title,
                granted,
                officer,
                term=term,
                certificate_number=row.certificate_number,
            )
            return True
        if row.certificate_number not in {None, current.certificate_number}:
            raise CertificateNumberTaken(
                f"该企业此称号的证书编号为 {current.certificate_number}。",
                f"Its certificate for this title is {current.certificate_number}.",
            )
        if _has_term(current, term):
            return False
        await self._add_term(enterprise, current, pack, granted, officer, term)
        return True

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
        await self._session.refresh(found, ["revoked_on", "transferred_on", "version"])
        _refuse_ended(found)
        law = self._ground(found, ground)
        if law.needs_finding and finding_number is None:
            raise FindingNeeded
        today = self._clock.today()
        begun = found.held_from or found.terms[0].valid_from
        if not begun <= decided_on <= today:
            raise RevocationDayNotPossible(
                f"认定自 {begun} 起，今天是 {today}，撤销日期 {decided_on} 不成立。",
                f"The title begins on {begun} and today is {today};"
                f" {decided_on} is not between them.",
            )
        if law.needs_finding:
            await self._need_finding(found, law, finding_number or "", decided_on)
        found.revoked_on = decided_on
        found.revoked_at = self._clock.now()
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
                **event_fields(found, found.enterprise),
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

    async def lock(self, recognition_id: UUID, officer: Actor) -> Recognition:
        """Find a recognition and lock its enterprise, so that nothing becomes of it meanwhile."""
        found = await self.find(recognition_id, officer)
        await self._enterprises.lock(found.uscc)
        return found

    async def find(self, recognition_id: UUID, reader: Actor) -> Recognition:
        found = await self._recognitions.find(recognition_id, reader)
        if found is None:
            raise RecognitionNotFound
        return found

    async def certificate(self, number: str, reader: Actor) -> Recognition:
        """Return the recognition that a certificate number stands for, as the reader may see it."""
        found = await self._recognitions.find_by_certificate(number, reader)
        if found is None:
            raise CertificateNotFound
        return found

    def title_of(self, granted: RecognitionTerm, title: str) -> Title:
        """Return what a title is by the pack that a term was granted under."""
        return self._catalogue.pack(granted.policy_pack).title_named(title)

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
            _refuse_ended(of)

        return [offer("revoke", "POST", f"/api/v1/recognitions/{of.id}/revocation", refuse)]

    async def _profile_on(
        self,
        existing: Enterprise | None,
        uscc: str,
        *,
        legal_name: str,
        division: str,
        on: date,
        focus_field: str | None = None,
    ) -> Profile:
        """Return what is to hold on a day: what is known of it then stays, what is not is added."""
        if existing is None:
            return Profile(uscc, legal_name, division, focus_field, is_secret=False)
        entries = await self._enterprises.entries(uscc)
        held = known_as(entries, on)
        names = {entry.value for entry in entries if entry.attribute is Attribute.LEGAL_NAME}
        if searchable(legal_name) not in {searchable(name) for name in names if name is not None}:
            raise NameDiffers(
                f"名录中的名称为“{existing.legal_name}”。",
                f"The registry has it as {existing.legal_name}.",
            )
        return Profile(
            uscc,
            held.legal_name or legal_name,
            held.division or existing.division,
            held.focus_field or focus_field or existing.focus_field,
            existing.is_secret,
        )

    async def _grant(
        self,
        enterprise: Enterprise,
        pack: Pack,
        title: str,
        granted: TermGranted,
        actor: Actor,
        *,
        term: Term | None = None,
        certificate_number: str | None = None,
    ) -> Recognition:
        term = term or first_term(pack.validity, granted.decided_on)
        law = pack.title_named(title)
        recognition = Recognition(
            id=new_id(),
            uscc=enterprise.uscc,
            enterprise=enterprise,
            title=title,
            title_rank=law.rank,
            certificate_number=certificate_number
            or await self._certificate_number(enterprise, law, term.valid_from),
            policy_pack=pack.name,
            round_code=granted.round_code,
            valid_from=term.valid_from,
            valid_until=term.valid_until,
            renewal_opens_on=renewal_opens_on(pack.validity, term),
            # A place in the list for every title would let anybody count those that are not shown.
            status_index=None
            if enterprise.is_secret
            else await self._recognitions.next_serial(STATUS_LIST) - 1,
            revoked_on=None,
            revoked_at=None,
            revocation_ground=None,
            finding_number=None,
            revocation_document=None,
            exclusion_until=None,
            transferred_on=None,
            transferred_at=None,
            transferred_to=None,
            held_from=None,
            created_at=self._clock.now(),
            terms=[self._term_row(1, term, pack, granted)],
        )
        self._recognitions.add(recognition)
        enterprise.is_recognised = True
        try:
            await self._session.flush()
        except IntegrityError as error:
            match violated_constraint(error):
                case "one_current_recognition":
                    raise AlreadyRecognised from error
                case "one_holder_of_a_certificate":
                    raise CertificateNumberTaken from error
            raise
        self._record_term(recognition, "granted", actor, pack, granted, term)
        self._journal.announce(
            RecognitionGranted(
                **event_fields(recognition, enterprise),
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
        life = life_of(current, await self._enterprises.renewals([current.uscc]))
        is_in_time = life.is_in_time(str(granted.application_id), ending.valid_until)
        if granted.decided_on > ending.valid_until and not is_in_time:
            # Whoever asked was told that it had lapsed, and that stays so.
            following = first_term(pack.validity, granted.decided_on)
        await self._add_term(enterprise, current, pack, granted, actor, following)

    async def _add_term(
        self,
        enterprise: Enterprise,
        current: Recognition,
        pack: Pack,
        granted: TermGranted,
        actor: Actor,
        term: Term,
    ) -> None:
        _refuse_overlap(current, term)
        number = max(one.number for one in current.terms) + 1
        current.terms.append(self._term_row(number, term, pack, granted))
        is_newest = term.valid_from > current.valid_from
        if is_newest:
            current.policy_pack = pack.name
            current.round_code = granted.round_code
            current.valid_from = term.valid_from
            current.valid_until = term.valid_until
            current.renewal_opens_on = renewal_opens_on(pack.validity, term)
        await self._session.flush()
        self._record_term(
            current, "renewed" if is_newest else "older_term_added", actor, pack, granted, term
        )
        if is_newest:
            self._journal.announce(
                RecognitionRenewed(
                    **event_fields(current, enterprise),
                    document_number=granted.document_number,
                    application_id=granted.application_id,
                )
            )

    def _term_row(
        self, number: int, term: Term, pack: Pack, granted: TermGranted
    ) -> RecognitionTerm:
        return RecognitionTerm(
            number=number,
            valid_from=term.valid_from,
            valid_until=term.valid_until,
            renewal_opens_on=renewal_opens_on(pack.validity, term),
            document_number=granted.document_number,
            decided_on=granted.decided_on,
            policy_pack=pack.name,
            round_code=granted.round_code,
            application_id=granted.application_id,
            recorded_at=self._clock.now(),
        )

    def _record_term(
        self,
        of: Recognition,
        action: str,
        actor: Actor,
        pack: Pack,
        granted: TermGranted,
        term: Term,
    ) -> None:
        self._record(
            of,
            action,
            actor,
            clause=pack.validity.clause,
            document_number=granted.document_number,
            valid_from=term.valid_from.isoformat(),
            valid_until=term.valid_until.isoformat(),
        )

    async def _certificate_number(self, of: Enterprise, title: Title, on: date) -> str:
        """Return the next number: province, title, year, serial (52-ZJTX-2026-00001).

        A secret-involved enterprise has a series of its own: in the public one, its number would be
        missing and so be counted. A number that an older list brought is passed over.
        """
        series = f"{of.division[:2]}-{title.short_code}-{on.year}"
        if of.is_secret:
            series += "-N"
        while True:
            number = f"{series}-{await self._recognitions.next_serial(series):05}"
            if not await self._recognitions.is_numbered(number):
                return number

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

    def _pack_of_title(self, title: str, region: str, on: date) -> Pack:
        """Return the nearest pack with a title that is certified: in force on a day, else the first."""
        for pack in self._catalogue.in_force(region, on):
            if _is_certified(pack.find_title(title)):
                return pack
        older = [
            pack
            for pack in self._catalogue.packs()
            if covers(pack.jurisdiction, region) and _is_certified(pack.find_title(title))
        ]
        if not older:
            raise UnknownTitle(
                f"没有适用于 {region} 的政策包规定称号 {title}。",
                f"No pack of {region} has the title {title}.",
            )
        return min(older, key=lambda pack: pack.in_force_from)

    def _older_term(self, row: OlderRecognition, pack: Pack) -> Term:
        term = first_term(pack.validity, row.valid_from)
        if row.valid_until is not None:
            term = Term(row.valid_from, row.valid_until)
        today = self._clock.today()
        if term.valid_until < term.valid_from or max(row.valid_from, row.decided_on) > today:
            raise TermNotPossible(
                f"{row.valid_from} 至 {term.valid_until}，认定日期 {row.decided_on}，"
                f"今天是 {today}。",
                f"{row.valid_from} to {term.valid_until}, decided on {row.decided_on};"
                f" today is {today}.",
            )
        return term

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

    async def _need_finding(
        self, of: Recognition, law: RevocationGround, number: str, decided_on: date
    ) -> None:
        """Refuse to revoke for cause before the cause was established (一经查实)."""
        finding = await self._recognitions.finding(of.uscc, number)
        is_of_ground = finding is not None and finding.ground == law.id
        if finding is None or not is_of_ground or finding.established_on > decided_on:
            raise FindingNotRecorded

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


def _is_term_of(of: Recognition, application_id: UUID) -> bool:
    return any(one.application_id == application_id for one in of.terms)


def _has_term(of: Recognition, term: Term) -> bool:
    return any(
        (one.valid_from, one.valid_until) == (term.valid_from, term.valid_until) for one in of.terms
    )


def _refuse_overlap(of: Recognition, term: Term) -> None:
    if any(
        one.valid_from <= term.valid_until and term.valid_from <= one.valid_until
        for one in of.terms
    ):
        raise TermOverlaps(
            f"{term.valid_from} 至 {term.valid_until} 与已登记的有效期重叠。",
            f"{term.valid_from} to {term.valid_until} overlaps a term on record.",
        )


def _refuse_ended(of: Recognition) -> None:
    if of.revoked_on is not None:
        raise RecognitionRevokedAlready
    if of.transferred_on is not None:
        raise RecognitionNotFound(
            f"该认定自 {of.transferred_on} 起由承继企业持有，请对承继企业的认定办理。",
            f"Since {of.transferred_on} a successor holds it; act on the successor's.",
        )


def _is_certified(title: Title | None) -> bool:
    """Whether a title has terms and certificates; a city's library has neither."""
    return title is not None and title.conferred_by != "city"


def event_fields(of: Recognition, enterprise: Enterprise) -> dict[str, Any]:
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
