"""Whom to call about an application (联系人): checked when given, masked when shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from services.applications.models import Contact
from services.applications.problems import ContactInvalid
from services.kernel.text import Text

_LONGEST = {"name": 100, "position": 100, "phone": 40, "email": 200}
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_EXTENSION = re.compile(r"\s*(?:转|轉|ext\.?|#|-)\s*(\d{1,6})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NewContact:
    name: str
    position: str | None
    phone: str
    """As a person dials it in China, or with its country code: `0851-8689 1234 ext. 801`."""
    email: str | None

    def row(self, application_id: UUID, *, given_by: str, given_at: datetime) -> Contact:
        return Contact(
            application_id=application_id,
            name=self.name,
            position=self.position,
            phone=self.phone,
            email=self.email,
            given_by=given_by,
            given_at=given_at,
        )


def checked_contact(given: Mapping[str, str | None]) -> NewContact:
    """Return a contact in one spelling. Raises `ContactInvalid` naming everything wrong with it."""
    errors: list[tuple[str, str, Text]] = []
    texts: dict[str, str | None] = {}
    for name, longest in _LONGEST.items():
        text = (given.get(name) or "").strip()
        if len(text) > longest:
            most = Text(f"最多 {longest} 字。", f"It has {longest} characters at most.")
            errors.append((f"/{name}", "too_long", most))
        texts[name] = text[:longest] or None
    errors += [
        (f"/{name}", "missing", Text("缺少必填项。", "It is required."))
        for name in ("name", "phone")
        if texts[name] is None
    ]
    phone, email = texts["phone"], texts["email"]
    if phone is not None:
        spelled = _phone(phone)
        if spelled is None:
            wrong = Text(
                "不是可拨打的电话号码，如 13885012345 或 0851-86891234。",
                "It is no number that can be dialled, such as 13885012345 or 0851-86891234.",
            )
            errors.append(("/phone", "not_a_phone_number", wrong))
        texts["phone"] = spelled
    if email is not None:
        try:
            texts["email"] = validate_email(email, check_deliverability=False).normalized
        except EmailNotValidError:
            wrong = Text("不是有效的电子邮箱。", "It is no e-mail address.")
            errors.append(("/email", "not_an_email", wrong))
    errors += _unstorable(texts)
    if errors:
        raise ContactInvalid(errors=errors)
    return NewContact(
        name=texts["name"] or "",
        position=texts["position"],
        phone=texts["phone"] or "",
        email=texts["email"],
    )


def _unstorable(texts: Mapping[str, str | None]) -> list[tuple[str, str, Text]]:
    """Return what is wrong with a contact as it is spelled now: a spelling may be longer."""
    errors = []
    for name, longest in _LONGEST.items():
        spelled = texts[name] or ""
        if len(spelled) > longest:
            most = Text(f"最多 {longest} 字。", f"It has {longest} characters at most.")
            errors.append((f"/{name}", "too_long", most))
        if _UNSEEN.search(spelled):
            unseen = Text(
                "含有换行、控制字符或改变文字方向的字符。", "It has characters that nobody sees."
            )
            errors.append((f"/{name}", "unstorable_character", unseen))
    return errors


def _phone(text: str) -> str | None:
    """Return a number as it is written where it is dialled, or None when nobody can dial it."""
    # The library knows `ext.`; a Chinese landline is written with 转 or a dash before it.
    number = _parsed(text)
    extension = _EXTENSION.search(text)
    if (
        extension is not None
        # 0086-138-8501-2345 is a number as it stands: its last dash is before no extension.
        and not (number is not None and phonenumbers.is_valid_number(number))
        and len(re.sub(r"\D", "", text[: extension.start()])) > 9  # noqa: PLR2004 - an area code and a number come before an extension
    ):
        number = _parsed(f"{text[: extension.start()]} ext. {extension[1]}")
    if number is None or not phonenumbers.is_possible_number(number):
        return None
    form = (
        phonenumbers.PhoneNumberFormat.NATIONAL
        if number.country_code == 86  # noqa: PLR2004 - China's
        else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    )
    return phonenumbers.format_number(number, form)


def _parsed(text: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, "CN")
    except phonenumbers.NumberParseException:
        return None


def said_in(row: Contact) -> NewContact:
    """Return what a stored contact says."""
    return NewContact(name=row.name, position=row.position, phone=row.phone, email=row.email)


def masked(contact: NewContact) -> NewContact:
    """Return a contact of which only so much is left that whoever knows it recognises it."""
    digits = [place for place, sign in enumerate(contact.phone) if sign.isdigit()]
    hidden = set(digits[3:-4]) if len(digits) > 8 else set(digits[1:])  # noqa: PLR2004 - three and four digits stay
    phone = "".join("*" if place in hidden else sign for place, sign in enumerate(contact.phone))
    email = contact.email
    if email is not None:
        local, _, domain = email.rpartition("@")
        email = f"{local[:1]}***@{domain}"
    return NewContact(
        name=f"{contact.name[:1]}**", position=contact.position, phone=phone, email=email
    )
