"""What is looked at before an application is taken, changed or handed on. It changes nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from pydantic import JsonValue

from services.applications.models import Application, Document, Holding, Mandate, Round
from services.applications.problems import (
    ApplicationIncomplete,
    EnterpriseWordMissing,
    FactsInvalid,
    NotEligible,
    NothingToConfirm,
    NotYourEnterprise,
    RoundNotOpen,
    UnknownPackOrTitle,
)
from services.applications.workflow import ApplicationStatus, FilingPeriod, HeldTitle
from services.kernel.identity.actor import Actor, Office, Scope
from services.kernel.problems import NotAllowed, SeparationOfDuties
from services.kernel.regions import covers
from services.kernel.text import Text
from services.policy.catalogue import Catalogue, UnknownPack
from services.policy.eligibility import Eligibility
from services.policy.enterprise_size import Size, SizeDetermination
from services.policy.matter import Kind
from services.policy.pack import Pack, missing

SIZE_OFFICES = (Office.CITY, Office.PROVINCE)
"""Who may determine a size that the standard leaves open or other law decides."""

SIZED_BY = frozenset({"industry_code", "employees", "operating_revenue", "total_assets"})
"""The facts that a size rests on."""

FILING_OFFICES = (Office.COUNTY, Office.CITY)
"""Who may file on behalf of an enterprise of its division, with the enterprise's word."""

APPLICANTS = (Office.ENTERPRISE, *FILING_OFFICES)

CONTACT = Text("联系人", "Contact")


@dataclass(frozen=True, slots=True)
class Dossier:
    """What belongs to an application beside its facts."""

    documents: Mapping[str, Document]
    """By kind, the ones that count now."""
    has_contact: bool
    mandate: Mandate | None
    """The mandate under which the reader's office may act for the enterprise today."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """One thing that an application still needs."""

    what: str
    """`fact`, `document` or `contact`."""
    id: str
    label: Text

    @property
    def pointer(self) -> str:
        return "/contact" if self.what == "contact" else f"/{self.what}s/{self.id}"


def require_title(catalogue: Catalogue, pack_name: str, title: str) -> Pack:
    """Return the pack, when it decides the title by conditions of its own."""
    try:
        pack = catalogue.pack(pack_name)
    except UnknownPack as error:
        raise UnknownPackOrTitle(
            f"没有政策包 {pack_name}。", f"There is no pack {pack_name}."
        ) from error
    found = pack.find_title(title)
    if found is None or not found.conditions:
        raise UnknownPackOrTitle(
            f"政策包 {pack_name} 没有为称号 {title} 规定条件。",
            f"The pack {pack_name} sets no conditions for a title {title}.",
        )
    return pack


def checked(pack: Pack, facts: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Return the facts with codes normalised. Raises `FactsInvalid` naming every bad one."""
    found = pack.check_facts(facts)
    if found.problems:
        raise FactsInvalid(errors=[(one.pointer, one.code, one.detail) for one in found.problems])
    return dict(found.values)


def filing_period(of: Round, *, at: datetime | None = None) -> FilingPeriod:
    """Return when a round is open: as it stands now, or as it stood at an instant before."""
    is_closed = of.closed_at is not None and (at is None or of.closed_at <= at)
    return FilingPeriod(opens_on=of.opens_on, closes_on=of.closes_on, is_closed=is_closed)


def require_open(of: Round, day: date, *, at: datetime | None = None) -> None:
    """Refuse what comes before a round opens, after its last day is over, or after its closure."""
    period = filing_period(of, at=at)
    if period.is_open(day):
        return
    is_closed = period.is_closed
    raise RoundNotOpen(
        f"批次 {of.code} 的申报时间为 {of.opens_on} 至 {of.closes_on}（北京时间，含截止日，"
        f"截止日二十四时止），当前为 {day}" + ("，且批次已关闭。" if is_closed else "。"),
        f"Round {of.code} is open from {of.opens_on} to {of.closes_on} inclusive, until midnight,"
        f" China Standard Time; the day is {day}"
        + (" and the round was closed." if is_closed else "."),
    )


def pack_of_round(of: Round, kind: str) -> str:
    """Return the pack that decides a kind of application in a round. Raises `RoundNotOpen`."""
    name = of.new_pack if kind == "new" else of.renewal_pack
    if name is None:
        raise RoundNotOpen("本批次不受理此类申报。", f"This round takes no {kind} applications.")
    return name


def require_in_round(of: Round, division: str) -> None:
    if not covers(of.region, division):
        text = Text(
            f"本批次在 {of.region} 范围内申报。", f"This round is held in {of.region}; apply there."
        )
        raise FactsInvalid(errors=[("/facts/applying_division", "outside_round", text)])


def require_own(applicant: Actor, *, uscc: str, division: str) -> None:
    """Refuse whoever is neither the enterprise nor an office in charge of where it applies."""
    if applicant.uscc is not None:
        if applicant.uscc != uscc:
            raise NotYourEnterprise
        return
    if not applicant.is_in_charge_of(division):
        raise NotYourEnterprise


def require_applicant(reader: Actor, of: Application) -> None:
    if not reader.may(Scope.APPLICATIONS_WRITE) or not reader.holds(*APPLICANTS):
        raise NotAllowed
    require_own(reader, uscc=of.uscc, division=of.division)


def require_word(applicant: Actor, of: Application, mandate: Mandate | None) -> None:
    """Refuse an office that would act for an enterprise without the enterprise's word.

    The word is a mandate to the office's division, or the confirmation of a draft that the office
    itself made.
    """
    if applicant.uscc is not None or mandate is not None:
        return
    if not is_draft_of(applicant, of):
        raise EnterpriseWordMissing(
            "该申报由企业或其他单位填报，或依委托填报；须有企业对贵单位的有效委托方可代办。",
            "The enterprise or another office drafted this, or a mandate allowed it; your office"
            " needs a mandate of the enterprise that is in force to act for it.",
        )
    if of.confirmed_at is None:
        raise EnterpriseWordMissing


def refuse_withdrawal_without_word(
    applicant: Actor, of: Application, mandate: Mandate | None
) -> None:
    """Refuse an office that would take back what is not its own to take back.

    A draft of its own is, as long as it is a draft. What was submitted takes a mandate.
    """
    if applicant.uscc is not None or mandate is not None:
        return
    if is_draft_of(applicant, of) and of.status is ApplicationStatus.DRAFT:
        return
    raise EnterpriseWordMissing(
        "撤回须由企业本身或持有其有效委托的单位办理；贵单位只能撤回自己代填的草稿。",
        "The enterprise takes it back itself, or an office under its mandate; your office takes back"
        " a draft of its own.",
    )


def refuse_change_without_word(
    applicant: Actor,
    of: Application,
    mandate: Mandate | None,
    *,
    pack: Pack,
    names: Sequence[str],
) -> None:
    """Refuse an office's change of what the enterprise states itself.

    What comes from a platform or register is an office's to enter, and a draft that an office made
    is its own to change, but for what the enterprise has stated in it since.
    """
    if applicant.uscc is not None or mandate is not None:
        return
    own = [name for name in names if name not in pack.facts or not pack.facts[name].is_imported]
    if not own:
        return
    refuse_statement_without_word(applicant, of, mandate)
    stated = [name for name in own if is_stated(of, name)]
    if stated:
        text = Text("企业已自行填报。", "The enterprise stated this itself.")
        raise EnterpriseWordMissing(
            "企业已自行填报其中的内容；修改须有企业对贵单位的有效委托。",
            "The enterprise stated some of it itself; your office needs its mandate to change that.",
            errors=[(f"/facts/{name}", "stated_by_enterprise", text) for name in stated],
        )


def refuse_statement_without_word(
    applicant: Actor, of: Application, mandate: Mandate | None
) -> None:
    """Refuse an office that would add to what is not its own draft, without the enterprise's word."""
    if applicant.uscc is not None or mandate is not None or is_draft_of(applicant, of):
        return
    raise EnterpriseWordMissing(
        "贵单位在此申报中只能录入导入事实；修改其他内容须有企业对贵单位的有效委托。",
        "Your office enters imported facts here, and needs a mandate of the enterprise that is in"
        " force for anything else.",
    )


def is_stated(of: Application, name: str) -> bool:
    """Whether the enterprise itself gave a fact."""
    return bool(of.provenance.get(name, {}).get("source") == Office.ENTERPRISE)


def is_draft_of(office: Actor, of: Application) -> bool:
    """Whether an office made a draft on its own account.

    What was made under a mandate rests on the mandate, and is nobody's once that has ended.
    """
    return (
        of.mandate_id is None
        and of.filed_region is not None
        and office.is_in_charge_of(of.filed_region)
    )


def refuse_confirmation(applicant: Actor, of: Application) -> None:
    """Refuse a confirmation by anybody but the enterprise, or of what needs none."""
    if applicant.uscc is None:
        raise NotAllowed("只有企业本身可以确认。", "Only the enterprise itself gives its word.")
    if of.confirmed_at is not None or of.status is not ApplicationStatus.DRAFT:
        raise NothingToConfirm


def require_officer_of(of: Application, officer: Actor) -> None:
    if not officer.may(Scope.APPLICATIONS_WRITE) or not officer.holds(*SIZE_OFFICES):
        raise NotAllowed
    if not officer.is_in_charge_of(of.division):
        raise NotAllowed
    if officer.sub == of.created_by:
        raise SeparationOfDuties(
            "填报人不能认定企业规模。", "Who drafted the application cannot determine its size."
        )


def refuse_imported(pack: Pack, facts: Mapping[str, JsonValue], applicant: Actor) -> None:
    """Keep an enterprise from stating what comes from a register or a platform."""
    if applicant.uscc is None:
        return
    told = [name for name in facts if name in pack.facts and pack.facts[name].is_imported]
    if told:
        text = Text(
            "此项由主管部门自平台或登记机关导入，企业不能自行填报。",
            "An office imports this from a platform or register; an enterprise does not state it.",
        )
        raise FactsInvalid(errors=[(f"/facts/{name}", "imported", text) for name in told])


def kind_of(of: Application) -> Kind:
    return "renewal" if of.kind == "renewal" else "new"


def determination_of(of: Application) -> SizeDetermination | None:
    found = of.size_determination
    if found is None:
        return None
    return SizeDetermination(size=Size(found["size"]), legal_basis=found["legal_basis"])


def lacking(pack: Pack, of: Application, dossier: Dossier) -> tuple[Lacking, ...]:
    """Return everything that is still missing: facts, documents and the contact, in that order."""
    kind = kind_of(of)
    found = [
        Lacking("fact", name, pack.facts[name].label)
        for name in missing(pack, of.title, of.facts, kind)
    ]
    names = {one.id: one.name for one in pack.documents_of(of.title, kind)}
    for needed in pack.documents_needed(of.title, kind, of.facts):
        document = dossier.documents.get(needed)
        if document is None or document.content.is_infected:
            found.append(Lacking("document", needed, names[needed]))
    if not dossier.has_contact:
        found.append(Lacking("contact", "contact", CONTACT))
    return tuple(found)


def completeness(pack: Pack, of: Application, dossier: Dossier) -> int:
    """Return how much of what is needed is there, in percent; 100 only when nothing is missing."""
    kind = kind_of(of)
    needed = (
        len(pack.facts_needed(of.title, kind))
        + len(pack.documents_needed(of.title, kind, of.facts))
        + 1
    )
    return 100 * (needed - len(lacking(pack, of, dossier))) // needed


def require_complete(pack: Pack, of: Application, dossier: Dossier) -> None:
    found = lacking(pack, of, dossier)
    if found:
        raise ApplicationIncomplete(
            "尚缺：" + "、".join(one.label.zh for one in found) + "。",
            "Still missing: " + ", ".join(one.label.en for one in found) + ".",
            errors=[
                (one.pointer, "missing", Text("尚未提供。", "It is still missing."))
                for one in found
            ],
        )


def require_eligible(eligibility: Eligibility) -> None:
    failed = eligibility.failed
    if failed:
        raise NotEligible(
            "；".join(f"{finding.clause} {finding.because.zh}" for finding in failed),
            " ".join(f"{finding.clause}: {finding.because.en}" for finding in failed),
            errors=[
                (f"/facts/{next(iter(finding.facts), '')}", finding.id, finding.because)
                for finding in failed
            ],
        )


def held_title(row: Holding) -> HeldTitle:
    return HeldTitle(
        title=row.title,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        revoked_on=row.revoked_on,
        exclusion_until=row.exclusion_until,
    )


def seen_by(held: Sequence[Holding], office: Actor) -> list[Holding]:
    """Return the titles that an office knows of without the enterprise's word: its own division's."""
    return [row for row in held if office.is_in_charge_of(row.region)]


def titles_on(held: Sequence[HeldTitle], day: date) -> list[str]:
    return sorted({one.title for one in held if one.is_valid_on(day)})


def is_secret(of: Application) -> bool:
    return of.facts.get("is_secret_involved") is True


def source_of(actor: Actor) -> str:
    """Return as what somebody gives a fact or a document: the enterprise, or which office."""
    if actor.uscc is not None:
        return Office.ENTERPRISE
    for office in (Office.COUNTY, Office.CITY, Office.PROVINCE):
        if actor.holds(office):
            return office
    return "system"


def given_by(actor: Actor, at: datetime, **more: str) -> dict[str, str]:
    """Return the provenance of what somebody states now (来源)."""
    given = {"source": source_of(actor), "by": actor.sub, "at": at.isoformat(), **more}
    if actor.uscc is None and actor.region is not None:
        given["region"] = actor.region
    return given


def canonical_sha256(content: object) -> str:
    """Return the SHA-256 of some content as JSON in UTF-8: keys in order, no spaces."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
