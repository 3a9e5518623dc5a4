"""Words that a person reads, in both languages of the platform."""

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Language = Literal["zh-CN", "en"]


class Text(NamedTuple):
    """A sentence in Chinese and in English; a tuple, because rules make them by the hundred."""

    zh: str
    en: str

    def in_(self, language: Language) -> str:
        return self.en if language == "en" else self.zh

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Read it from a table with two members, as a pack writes it."""
        member = core_schema.typed_dict_field(core_schema.str_schema(strict=True))
        table = core_schema.typed_dict_schema(
            {"zh": member, "en": member}, extra_behavior="forbid", cls_name="Text"
        )
        read = core_schema.no_info_after_validator_function(lambda given: cls(**given), table)
        return core_schema.union_schema(
            [core_schema.is_instance_schema(cls), read], mode="left_to_right"
        )


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
