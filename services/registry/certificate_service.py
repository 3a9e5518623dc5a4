"""Certificates: what one stands for now, on paper and signed, and the list to check them offline."""

import asyncio
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock, end_of
from services.kernel.identity.actor import NOBODY, Actor
from services.kernel.identity.keys import KeyRing
from services.kernel.identity.tokens import seal
from services.kernel.text import Text
from services.policy.authorities import conferring_body
from services.policy.divisions import place_name
from services.registry.certificate_paper import CertificateSheet
from services.registry.enterprise_service import known_as
from services.registry.models import Enterprise, Recognition, RenewalStep, tables
from services.registry.recognition_service import RecognitionService
from services.registry.repository import EnterpriseRepository, visible_to
from services.registry.search import has_status
from services.registry.standing import Standing, standing
from services.registry.status_list import BITS, Place, packed
from services.registry.workflow import COUNTS, STATUS_NAMES, RecognitionStatus

CERTIFICATE_KIND = "srdi-certificate+jwt"
STATUS_LIST_KIND = "statuslist+jwt"
_TTL_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Seal:
    """The keys that the registry signs with, and the address under which it is known."""

    keys: KeyRing
    public_url: str

    def address_of(self, number: str) -> str:
        # A number of an older list may hold anything: 黔专精特新2024第1号, or a blank.
        return f"{self.public_url}/api/v1/public/certificates/{quote(number, safe='')}"

    @property
    def status_list(self) -> str:
        return f"{self.public_url}/api/v1/public/status-list"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as it stands now."""

    standing: Standing
    legal_name: str
    jws: str


@dataclass(slots=True)
class SignedLists:
    """The list that was signed last, for as long as nothing has changed and the day is the same."""

    made_of: tuple[int, UUID | None, date] | None = None
    signed: str = ""
    making: asyncio.Lock = field(default_factory=asyncio.Lock)


class CertificateService:
    def __init__(
        self,
        session: AsyncSession,
        clock: Clock,
        recognitions: RecognitionService,
        seal_: Seal,
        lists: SignedLists,
    ) -> None:
        self._session = session
        self._rows = EnterpriseRepository(session)
        self._recognitions = recognitions
        self._clock = clock
        self._seal = seal_
        self._lists = lists

    async def read(self, number: str, reader: Actor = NOBODY) -> Certificate:
        """Return what a certificate number stands for now, with a signed statement of it."""
        of = await self._recognitions.certificate(number, reader)
        today = self._clock.today()
        renewals = await self._rows.renewals([of.uscc])
        found = standing(of, renewals, max(today, of.held_from or of.terms[0].valid_from))
        if found is None:
            raise LookupError(number)
        name = known_as(of.enterprise.entries, today).legal_name or of.enterprise.legal_name
        return Certificate(found, name, self._signed(found, name))

    def sheet(self, of: Certificate) -> CertificateSheet:
        """Return what is printed. It bears the holder's present name; number and validity stay."""
        row, term = of.standing.recognition, of.standing.term
        granted = of.standing.granted
        law = self._recognitions.title_of(granted, row.title)
        return CertificateSheet(
            title_name=law.name,
            legal_name=of.legal_name,
            uscc=row.uscc,
            certificate_number=row.certificate_number,
            valid_from=term.valid_from,
            valid_until=term.valid_until,
            document_number=granted.document_number,
            issued_by=conferring_body(law, row.enterprise.division),
            issued_on=granted.decided_on,
            clause=law.clause,
            division_name=place_name(row.enterprise.division),
            check_url=self._seal.address_of(row.certificate_number),
            state=Text(*STATUS_NAMES[of.standing.status]),
            is_valid=of.standing.status in COUNTS,
            printed_at=self._clock.now(),
        )

    async def status_list(self) -> str:
        """Return the signed list of how every certificate stands today.

        It is made anew when something was recorded or another day has begun; in between, the one
        that was signed is given again. A secret-involved enterprise has no place in it.
        """
        async with self._lists.making:
            today = self._clock.today()
            position = await self._session.scalar(select(tables.head.c.history_position)) or 0
            # Renewal material that comes in or is decided changes a state and no history.
            newest = select(RenewalStep.id).order_by(RenewalStep.id.desc()).limit(1)
            made_of = position, await self._session.scalar(newest), today
            if self._lists.made_of != made_of:
                self._lists.signed = await self._sign_list(today)
                self._lists.made_of = made_of
            return self._lists.signed

    async def _sign_list(self, today: date) -> str:
        size = await self._session.scalar(select(func.max(Recognition.status_index)))
        rows = await self._session.execute(
            select(
                Recognition.status_index,
                has_status(RecognitionStatus.AWAITING_RENEWAL, today),
            )
            .join(Enterprise, Enterprise.uscc == Recognition.uscc)
            .where(
                visible_to(NOBODY),
                Recognition.status_index.is_not(None),
                Recognition.revoked_on.is_(None) | (Recognition.revoked_on > today),
                (Recognition.valid_until >= today)
                | has_status(RecognitionStatus.AWAITING_RENEWAL, today),
            )
        )
        places = [
            (index, Place.SUSPENDED if waits else Place.VALID)
            for index, waits in rows
            if index is not None
        ]
        now = self._clock.now()
        return await asyncio.to_thread(
            self._sealed_list,
            places,
            0 if size is None else size + 1,
            int(now.timestamp()),
            int(end_of(today).timestamp()),
        )

    def _sealed_list(
        self, places: list[tuple[int, Place]], size: int, issued: int, expires: int
    ) -> str:
        return seal(
            self._seal.keys.signing,
            {
                "iss": self._seal.public_url,
                "sub": self._seal.status_list,
                "iat": issued,
                # A title may end with the day, and so does what this says of it.
                "exp": expires,
                "ttl": _TTL_SECONDS,
                "status_list": {"bits": BITS, "lst": packed(places, size=size)},
            },
            kind=STATUS_LIST_KIND,
        )

    def _signed(self, found: Standing, name: str) -> str:
        of = found.recognition
        claims: dict[str, Any] = {
            "iss": self._seal.public_url,
            "sub": of.uscc,
            "iat": int(self._clock.now().timestamp()),
            "certificate_number": of.certificate_number,
            "legal_name": name,
            "title": of.title,
            "valid_from": found.term.valid_from.isoformat(),
            "valid_until": found.term.valid_until.isoformat(),
            "state": found.status.value,
            "checked_on": self._clock.today().isoformat(),
        }
        if of.status_index is not None:
            claims["status"] = {
                "status_list": {"idx": of.status_index, "uri": self._seal.status_list}
            }
        return seal(self._seal.keys.signing, claims, kind=CERTIFICATE_KIND)
