"""Words that a person reads, in both languages of the platform."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

Language = Literal["zh-CN", "en"]


@dataclass(frozen=True, slots=True)
class Text:
    zh: str
    en: str

    def in_(self, language: Language) -> str:
        return self.en if language == "en" else self.zh


def preferred_language(accept_language: str | None) -> Language:
    """Choose Chinese unless English is asked for with a higher weight (RFC 9110, 12.5.4)."""
    weights: dict[str, float] = {}
    for part in (accept_language or "").split(","):
        tag, _, parameters = part.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        _, _, weight = parameters.strip().partition("=")
        try:
            weights[primary] = float(weight) if weight else 1.0
        except ValueError:
            weights[primary] = 0.0
    chinese = weights.get("zh", weights.get("*", 0.0))
    return "en" if weights.get("en", 0.0) > chinese else "zh-CN"


class TextOut(BaseModel):
    """A sentence in Chinese and in English."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    zh: str
    en: str


def text_out(text: Text) -> TextOut:
    return TextOut(zh=text.zh, en=text.en)
