"""The unified social credit code (统一社会信用代码, GB 32100-2015, amendment XG1-2016)."""

import unicodedata
from dataclasses import dataclass

from services.kernel.text import Text

LENGTH = 18
LONGEST_WRITTEN = 40
"""With spaces between the characters, and some to spare."""
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_WEIGHTS = tuple(pow(3, place, 31) for place in range(LENGTH - 1))
# Positions 9 to 16 are an organisation code (GB 11714); position 17 is its check character.
_ORGANISATION = slice(8, 16)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


class CreditCodeInvalid(ValueError):
    """The text is not a credit code. `code` is stable, `detail` says what is wrong."""

    def __init__(self, code: str, detail: Text) -> None:
        super().__init__(detail.en)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class CreditCode:
    value: str
    division: str
    """Positions 3 to 8: where it was registered, maybe long ago. Never the place of application."""
    warnings: tuple[Text, ...]


def normalise(text: str) -> str:
    """Turn full width into half width, drop spaces, use capitals; never guess O for 0.

    A text that is far too long stays as it is: to normalise one takes time by its square.
    """
    if len(text) > LONGEST_WRITTEN:
        return text
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def parse(text: str) -> CreditCode:
    """Read a code. Raises `CreditCodeInvalid` for its length, alphabet or check character.

    A wrong inner check digit is only a warning: codes of older organisations carry some.
    """
    value = normalise(text)
    if len(value) != LENGTH:
        raise CreditCodeInvalid(
            "wrong_length",
            Text(
                f"统一社会信用代码应为 {LENGTH} 位，实为 {len(value)} 位。",
                f"A credit code has {LENGTH} characters; this has {len(value)}.",
            ),
        )
    strange = sorted(set(value) - _VALUES.keys())
    if strange:
        listed = "".join(strange)
        raise CreditCodeInvalid(
            "wrong_character",
            Text(
                f"统一社会信用代码不使用字符 {listed}（不含 I、O、S、V、Z）。",
                f"A credit code has no {listed}; I, O, S, V and Z do not occur in it.",
            ),
        )
    if value[-1] != _check_character(value):
        raise CreditCodeInvalid(
            "wrong_check_character",
            Text(
                "统一社会信用代码校验位不符，请核对营业执照。",
                "The check character does not fit; compare it with the business licence.",
            ),
        )
    warnings: tuple[Text, ...] = ()
    if value[16] != _organisation_check_character(value[_ORGANISATION]):
        warnings = (
            Text(
                "主体标识码（第 9 至 17 位）的校验位不符，请核对。",
                "The organisation code inside it (positions 9 to 17) has another check character.",
            ),
        )
    return CreditCode(value=value, division=value[2:8], warnings=warnings)


def is_valid(text: str) -> bool:
    try:
        parse(text)
    except CreditCodeInvalid:
        return False
    return True


def generate(serial: int, division: str = "520100") -> str:
    """Return a code of the right form for a fictitious enterprise (`91`, serial below 10**8)."""
    organisation = f"{serial:08d}"
    body = f"91{division}{organisation}{_organisation_check_character(organisation)}"
    return body + _check_character(body)


def _check_character(value: str) -> str:
    total = sum(
        _VALUES[character] * weight for character, weight in zip(value, _WEIGHTS, strict=False)
    )
    return _ALPHABET[-total % 31]


def _organisation_check_character(organisation: str) -> str:
    total = sum(
        int(character, 36) * weight
        for character, weight in zip(organisation, _ORGANISATION_WEIGHTS, strict=True)
    )
    return "0123456789X0"[11 - total % 11]
