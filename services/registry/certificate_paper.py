"""A certificate on paper: a print of what the register says, with the address that answers for it."""

import io
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import segno

from services.kernel.clock import PROVINCE_TIME
from services.kernel.text import Text
from services.registry.typesetting import pictured, typeset, written

_TEMPLATE: Final = "certificate.typ"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSheet:
    """What stands on the certificate of one recognition."""

    title_name: Text
    legal_name: str
    uscc: str
    certificate_number: str
    valid_from: date
    valid_until: date
    """The last valid day."""
    document_number: str
    issued_by: str | None
    """Who confers the title; None where that is not known, and then the sheet names nobody."""
    issued_on: date
    clause: str
    division_name: str
    check_url: str
    """Where anybody learns what the register says now."""
    state: Text
    is_valid: bool
    """Whether the title could be relied on when it was printed."""
    printed_at: datetime


def certificate_pdf(sheet: CertificateSheet) -> bytes:
    """Return the certificate as one landscape page; the same bytes for the same sheet."""
    return typeset(_TEMPLATE, _data(sheet), at=sheet.printed_at)


def certificate_pictures(sheet: CertificateSheet) -> list[bytes]:
    """Return the page of `certificate_pdf` as a PNG."""
    return pictured(_TEMPLATE, _data(sheet), at=sheet.printed_at)


def qr_svg(url: str) -> bytes:
    """Return the QR code of an address as an SVG that holds nothing but its lines and a title."""
    file = io.BytesIO()
    code = segno.make_qr(url, error="m")
    # Its own white ground keeps it readable on a dark page.
    code.save(
        file,
        kind="svg",
        light="#fff",
        title=f"扫码核验 {url}",
        xmldecl=False,
        svgclass=None,
        lineclass=None,
        nl=False,
    )
    return file.getvalue()


def _data(sheet: CertificateSheet) -> dict[str, object]:
    printed = sheet.printed_at.astimezone(PROVINCE_TIME)
    return {
        "title_name": sheet.title_name._asdict(),
        "legal_name": sheet.legal_name,
        "uscc": sheet.uscc,
        "certificate_number": sheet.certificate_number,
        "valid_from": written(sheet.valid_from),
        "valid_from_iso": sheet.valid_from.isoformat(),
        "valid_until": written(sheet.valid_until),
        "valid_until_iso": sheet.valid_until.isoformat(),
        "document_number": sheet.document_number,
        "issued_by": [] if sheet.issued_by is None else [sheet.issued_by],
        "issued_on": written(sheet.issued_on),
        "clause": sheet.clause,
        "division_name": sheet.division_name,
        "check_url": sheet.check_url,
        "qr": qr_svg(sheet.check_url).decode(),
        "state": sheet.state._asdict(),
        "is_valid": sheet.is_valid,
        "printed_at": f"{written(printed.date())} {printed:%H:%M}",
        "printed_at_iso": printed.isoformat(timespec="minutes"),
    }
