"""Kinds of document (申报材料) that an application is asked for, as a file beside the pack lists them.

The law rarely lists them: they come from the office that runs the programme. So they stand in a file
of their own, locked like the pack that they are asked beside.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.kernel.text import Text
from services.policy.facts import Fact, FactKind
from services.policy.matter import Kind

MediaType = Literal["application/pdf", "image/jpeg", "image/png", "application/ofd"]
MEDIA_TYPES: tuple[MediaType, ...] = get_args(MediaType)


class DocumentKind(BaseModel):
    """One kind of document: what it proves, when it is needed, and as what kind of file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")
    """Never the name of a fact, because a return for correction names either."""
    name: Text
    clause: str
    """What of the law it proves."""
    official_text: str | None = None
    """The sentence that it proves, word for word."""
    basis: str = Field(min_length=1)
    """Where it is asked for: practice, where the law itself is silent."""
    note: Text | None = None
    """What it has to show."""
    titles: tuple[str, ...] = ()
    """The titles that it is asked for; none means every title that is applied for."""
    applies_to: Kind | None = None
    """Only new applications, or only renewals; both when it says neither."""
    is_required: bool = False
    required_when: str | None = None
    """A flag: the document is needed when it is true."""
    media_types: tuple[MediaType, ...] = Field(default=MEDIA_TYPES, min_length=1)
    max_megabytes: int = Field(default=20, ge=1, le=100)

    @model_validator(mode="after")
    def _is_needed_in_one_way(self) -> "DocumentKind":
        if self.is_required and self.required_when is not None:
            raise ValueError(f"document {self.id}: it has is_required or required_when")
        return self


class DocumentsFile(BaseModel):
    """The kinds of document of a pack as documents.toml writes them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1]
    documents: tuple[DocumentKind, ...] = Field(min_length=1)


def document_flaws(
    documents: tuple[DocumentKind, ...],
    *,
    facts: Mapping[str, Fact],
    titles: Iterable[str],
    evidence: Iterable[tuple[str, str]],
) -> Iterator[str]:
    """Yield what does not hold together between kinds of document and the pack that they belong to.

    `titles` are those that are applied for, `evidence` says where the pack names which document.
    """
    counted, applied_for = Counter(one.id for one in documents), set(titles)
    for name, times in counted.items():
        if times > 1:
            yield f"two documents share the id {name}"
        if name in facts:
            yield f"the document {name} has the name of a fact"
    for one in documents:
        for title in one.titles:
            if title not in applied_for:
                yield f"the document {one.id} names the title {title}, which is not applied for"
        if one.required_when is not None:
            yield from _flag_flaws(one.id, one.required_when, facts)
    for where, name in evidence:
        if name not in counted:
            yield f"{where} names the document {name}, which documents.toml does not list"


def _flag_flaws(document: str, fact: str, facts: Mapping[str, Fact]) -> Iterator[str]:
    where = f"the document {document} is required when {fact}"
    if fact not in facts:
        yield f"{where}, which is not declared"
    elif facts[fact].kind is not FactKind.FLAG:
        yield f"{where}, which is a {facts[fact].kind} and no flag"
