"""The tables of review."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.kernel.database import UUID_COLUMN, enum_column, service_metadata
from services.kernel.journal import journal_tables
from services.policy.procedure import TieKind
from services.policy.stages import StageDecision
from services.review.workflow import (
    CaseStatus,
    DrawPurpose,
    DrawStatus,
    MemberStatus,
    ObjectionStatus,
    Phase,
    SetAsideCause,
)

SCHEMA = "review"
metadata = service_metadata(SCHEMA)
tables = journal_tables(metadata)


class Base(DeclarativeBase):
    metadata = metadata


class Notice(Base):
    """公示: the names that stand open to objection for the days that the pack sets."""

    __tablename__ = "notices"
    __table_args__ = (CheckConstraint("ends_on >= starts_on", name="ends_after_it_starts"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    round_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    round_code: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(40))
    policy_pack: Mapped[str] = mapped_column(String(80))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    is_provisional: Mapped[bool]
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class ReviewCase(Base):
    """One application on its way through the stages of its title."""

    __tablename__ = "review_cases"
    __table_args__ = (
        UniqueConstraint("application_id", name="one_case_per_application"),
        Index(None, "division", "id"),
        Index(None, "office", "due_on"),
        Index(None, "notice_id"),
        Index(None, "round_id", "stage"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    application_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    round_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    round_code: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(40))
    policy_pack: Mapped[str] = mapped_column(String(80))
    """The pack that the case was opened under; it decides the case whatever comes later."""
    uscc: Mapped[str] = mapped_column(String(18), index=True)
    legal_name: Mapped[str] = mapped_column(String(2000))
    division: Mapped[str] = mapped_column(String(6))
    is_secret: Mapped[bool]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    facts_sha256: Mapped[str] = mapped_column(String(64))
    size_determination: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """An officer's finding of the size with its legal basis, where intake was given one."""
    filed_by: Mapped[list[str]] = mapped_column(JSONB)
    """Who drafted and who submitted it."""
    documents: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    """Kind and hash of each document that the submission froze; None where it was not told."""
    snapshot_sha256: Mapped[str | None] = mapped_column(String(64))
    submission_number: Mapped[int]
    applied_on: Mapped[date]
    """The day of the first submission: rolling periods count back from it."""
    stage: Mapped[str] = mapped_column(String(40))
    status: Mapped[CaseStatus] = mapped_column(enum_column(CaseStatus))
    phase: Mapped[Phase | None] = mapped_column(enum_column(Phase))
    """How far a panel or a site visit is; none at any other stage."""
    turn: Mapped[int]
    """Counts how often the case was placed before an office: each turn takes one decision."""
    entered_on: Mapped[date]
    """The day on which this turn began; its last day is counted from it."""
    office: Mapped[str | None] = mapped_column(String(40))
    """The office whose turn it is; none while nobody's decision is awaited."""
    assigned_to: Mapped[str | None] = mapped_column(String(200))
    """The officer who alone decides this turn; none while any officer of the office may."""
    due_on: Mapped[date | None]
    due_is_provisional: Mapped[bool]
    notice_id: Mapped[UUID | None] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.notices.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    decisions: Mapped[list["Decision"]] = relationship(lazy="raise", order_by="Decision.decided_at")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Decision(Base):
    """An office's decision on one turn of a case. Rows are only ever added."""

    __tablename__ = "decisions"
    __table_args__ = (
        UniqueConstraint("case_id", "turn", name="one_decision_per_turn"),
        ForeignKeyConstraint(["case_id"], [f"{SCHEMA}.review_cases.id"]),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    turn: Mapped[int]
    stage: Mapped[str] = mapped_column(String(40))
    submission_number: Mapped[int]
    decision: Mapped[StageDecision] = mapped_column(enum_column(StageDecision))
    reason: Mapped[str] = mapped_column(Text)
    remarks: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    decided_by: Mapped[str] = mapped_column(String(200))
    office: Mapped[str] = mapped_column(String(40))
    region: Mapped[str] = mapped_column(String(6))
    act_id: Mapped[UUID | None] = mapped_column(UUID_COLUMN)
    """The list, meeting, visit or notice that decided it together with others."""
    decided_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    set_aside: Mapped["SetAside | None"] = relationship(lazy="raise")


class SetAside(Base):
    """Why a decision no longer counts. It stays where it is; this row stands beside it."""

    __tablename__ = "set_asides"
    __table_args__ = (UniqueConstraint("decision_id", name="set_aside_once"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    decision_id: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.decisions.id"))
    case_id: Mapped[UUID] = mapped_column(UUID_COLUMN, index=True)
    cause: Mapped[SetAsideCause] = mapped_column(enum_column(SetAsideCause))
    reason: Mapped[str] = mapped_column(Text)
    document_number: Mapped[str | None] = mapped_column(String(80))
    set_aside_by: Mapped[str] = mapped_column(String(200))
    set_aside_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Assignment(Base):
    """Who handed a turn of a case to whom, and why. Rows are only ever added."""

    __tablename__ = "assignments"

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.review_cases.id"), index=True
    )
    turn: Mapped[int]
    from_officer: Mapped[str | None] = mapped_column(String(200))
    to_officer: Mapped[str | None] = mapped_column(String(200))
    """None gives the turn back to the whole office."""
    reason: Mapped[str] = mapped_column(Text)
    assigned_by: Mapped[str] = mapped_column(String(200))
    assigned_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RecommendationList(Base):
    """推荐名单: the ranked cases that a city recommends in a round, signed in one act."""

    __tablename__ = "recommendation_lists"
    __table_args__ = (
        UniqueConstraint("round_id", "title", "region", "number", name="one_list_per_number"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    round_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    round_code: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(40))
    stage: Mapped[str] = mapped_column(String(40))
    policy_pack: Mapped[str] = mapped_column(String(80))
    region: Mapped[str] = mapped_column(String(6))
    number: Mapped[int]
    """1 for the first list of the round, one more for each that is added later."""
    document_number: Mapped[str] = mapped_column(String(80))
    opinion: Mapped[str] = mapped_column(Text)
    signed_by: Mapped[str] = mapped_column(String(200))
    signed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    items: Mapped[list["RecommendationItem"]] = relationship(
        lazy="raise", order_by="RecommendationItem.rank"
    )


class RecommendationItem(Base):
    """A case's place on a list."""

    __tablename__ = "recommendation_items"
    __table_args__ = (
        UniqueConstraint("list_id", "rank", name="one_case_per_rank"),
        UniqueConstraint("case_id", "turn", name="one_list_per_turn"),
    )

    list_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.recommendation_lists.id"), primary_key=True
    )
    case_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.review_cases.id"), primary_key=True
    )
    turn: Mapped[int]
    rank: Mapped[int]
    """From 1. Later lists go on where the one before ended."""


class Determination(Base):
    """审定: what a meeting decided about a list of cases, in one act."""

    __tablename__ = "determinations"

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    meeting: Mapped[str] = mapped_column(String(200))
    held_on: Mapped[date]
    document_number: Mapped[str] = mapped_column(String(80))
    """Of the minutes."""
    recorded_by: Mapped[str] = mapped_column(String(200))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Expert(Base):
    """评审专家: a member of the pool that panels are drawn from."""

    __tablename__ = "experts"

    sub: Mapped[str] = mapped_column(String(200), primary_key=True)
    code: Mapped[str] = mapped_column(String(12), unique=True)
    """What draws call an expert in public."""
    region: Mapped[str] = mapped_column(String(6), index=True)
    """The province whose pool it is."""
    name: Mapped[str] = mapped_column(String(200))
    employer: Mapped[str] = mapped_column(String(200))
    employer_uscc: Mapped[str | None] = mapped_column(String(18))
    fields: Mapped[list[str]] = mapped_column(JSONB)
    division: Mapped[str] = mapped_column(String(6))
    """Where the expert works."""
    is_active: Mapped[bool]
    registered_by: Mapped[str] = mapped_column(String(200))
    changed_by: Mapped[str] = mapped_column(String(200))
    """Who registered or changed it last: that officer draws from the pool no sooner than a month on."""
    registered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class PersonTie(Base):
    """利害关系: what binds a person to an enterprise. Rows are only ever added."""

    __tablename__ = "ties"
    __table_args__ = (
        CheckConstraint("until_on >= from_on", name="ends_after_it_begins"),
        Index(None, "uscc"),
        Index(None, "sub"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    sub: Mapped[str] = mapped_column(String(200))
    uscc: Mapped[str] = mapped_column(String(18))
    kind: Mapped[TieKind] = mapped_column(enum_column(TieKind))
    from_on: Mapped[date | None]
    until_on: Mapped[date | None]
    """The last day; none while it lasts."""
    note: Mapped[str] = mapped_column(Text)
    region: Mapped[str | None] = mapped_column(String(6))
    """Where whoever declared it is in charge."""
    declared_by: Mapped[str] = mapped_column(String(200))
    declared_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Draw(Base):
    """抽取: experts or cases drawn by a seed that was committed to before it could be known."""

    __tablename__ = "draws"

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    region: Mapped[str] = mapped_column(String(6), index=True)
    """The province that draws."""
    purpose: Mapped[DrawPurpose] = mapped_column(enum_column(DrawPurpose))
    round_id: Mapped[UUID] = mapped_column(UUID_COLUMN, index=True)
    round_code: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(40))
    stage: Mapped[str] = mapped_column(String(40))
    policy_pack: Mapped[str] = mapped_column(String(80))
    status: Mapped[DrawStatus] = mapped_column(enum_column(DrawStatus))
    public_source: Mapped[str] = mapped_column(Text)
    """Which public value, not known yet at the commitment, completes the seed."""
    value_on: Mapped[date]
    """The day on which that value comes to be; later than the commitment."""
    commitment: Mapped[str] = mapped_column(String(64))
    secret: Mapped[str] = mapped_column(String(64))
    """Shown to nobody before the reveal."""
    committed_by: Mapped[str] = mapped_column(String(200))
    committed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    public_value: Mapped[str | None] = mapped_column(String(200))
    seed: Mapped[str | None] = mapped_column(String(64))
    ended_by: Mapped[str | None] = mapped_column(String(200))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it was revealed, or given up."""
    abandoned_because: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column()

    lots: Mapped[list["DrawLot"]] = relationship(lazy="raise", order_by="DrawLot.lot")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class DrawLot(Base):
    """One drawing of a draw: a case and its experts, or a city and its cases."""

    __tablename__ = "draw_lots"
    __table_args__ = (Index(None, "case_id"),)

    draw_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.draws.id"), primary_key=True
    )
    lot: Mapped[str] = mapped_column(String(64), primary_key=True)
    case_id: Mapped[UUID | None] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.review_cases.id")
    )
    """The case whose experts are drawn; none where the candidates are cases."""
    turn: Mapped[int | None]
    """The case's turn that they are drawn for."""
    is_secret: Mapped[bool]
    """Whether it holds a secret-involved enterprise; the public sees no such lot."""
    seats: Mapped[int]
    candidates: Mapped[list[str]] = mapped_column(JSONB)
    candidates_sha256: Mapped[str] = mapped_column(String(64))
    is_widened: Mapped[bool]
    """Whether too few experts of the field were there, and all others were candidates too."""
    excluded: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    """Who was no candidate, and for which conflict of interest. Never public."""
    ranking: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))


class PanelMember(Base):
    """An expert called upon for one turn of a case."""

    __tablename__ = "panel_members"
    __table_args__ = (
        UniqueConstraint("case_id", "turn", "expert", name="called_once_per_turn"),
        Index(None, "expert"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.review_cases.id"))
    turn: Mapped[int]
    expert: Mapped[str] = mapped_column(String(200), ForeignKey(f"{SCHEMA}.experts.sub"))
    draw_id: Mapped[UUID | None] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.draws.id"))
    """None for an expert who was appointed because the draw was exhausted."""
    called_because: Mapped[str] = mapped_column(String(40))
    called_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    status: Mapped[MemberStatus] = mapped_column(enum_column(MemberStatus))
    ended_because: Mapped[str | None] = mapped_column(Text)


class ScoreSheet(Base):
    """评分表: an expert's points with a reason for each. Locked once it is there."""

    __tablename__ = "score_sheets"
    __table_args__ = (
        UniqueConstraint("case_id", "turn", "expert", name="one_sheet_per_expert"),
        CheckConstraint("total >= 0", name="total_is_not_negative"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.review_cases.id"))
    turn: Mapped[int]
    stage: Mapped[str] = mapped_column(String(40))
    expert: Mapped[str] = mapped_column(String(200), ForeignKey(f"{SCHEMA}.experts.sub"))
    items: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    total: Mapped[Decimal] = mapped_column(Numeric(7, 2))
    sha256: Mapped[str] = mapped_column(String(64))
    """Of the items. History names it while the points are still blind."""
    submitted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class PanelResult(Base):
    """What a panel's sheets come to, or what a moderator made of them."""

    __tablename__ = "panel_results"

    case_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.review_cases.id"), primary_key=True
    )
    turn: Mapped[int] = mapped_column(primary_key=True)
    points: Mapped[Decimal] = mapped_column(Numeric(7, 2))
    pass_at_least: Mapped[Decimal] = mapped_column(Numeric(7, 2))
    spread: Mapped[Decimal] = mapped_column(Numeric(7, 2))
    sheets: Mapped[int]
    aggregation: Mapped[str] = mapped_column(String(40))
    has_passed: Mapped[bool]
    moderated_by: Mapped[str | None] = mapped_column(String(200))
    moderation_reason: Mapped[str | None] = mapped_column(Text)
    concluded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SiteVisit(Base):
    """实地核查: what inspectors found where the enterprise works."""

    __tablename__ = "site_visits"
    __table_args__ = (UniqueConstraint("case_id", "turn", name="one_visit_per_turn"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.review_cases.id"), index=True
    )
    turn: Mapped[int]
    stage: Mapped[str] = mapped_column(String(40))
    visited_on: Mapped[date]
    inspectors: Mapped[list[str]] = mapped_column(JSONB)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """One for each check of the pack: what was seen, and whether it was in order."""
    has_passed: Mapped[bool]
    photographs: Mapped[list[str]] = mapped_column(JSONB)
    recorded_by: Mapped[str] = mapped_column(String(200))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Photograph(Base):
    """A picture taken on a site visit; the file lies in the store under its hash."""

    __tablename__ = "photographs"
    __table_args__ = (
        UniqueConstraint("case_id", "sha256", name="one_photograph_per_content"),
        Index(None, "sha256"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.review_cases.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    media_type: Mapped[str] = mapped_column(String(40))
    file_name: Mapped[str | None] = mapped_column(String(200))
    uploaded_by: Mapped[str] = mapped_column(String(200))
    uploaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Exclusion(Base):
    """不得申报期, as the registry announced it with a revocation. Only added."""

    __tablename__ = "exclusions"
    __table_args__ = (Index(None, "uscc", "until_on"),)

    recognition_id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    """The title that was revoked, which is once."""
    uscc: Mapped[str] = mapped_column(String(18))
    until_on: Mapped[date]
    """The last day of it."""
    ground: Mapped[str] = mapped_column(String(40))
    """As a pack names it: false_declaration, violation …"""
    finding_number: Mapped[str | None] = mapped_column(String(80))
    heard_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Objection(Base):
    """异议: a named person's objection to an enterprise on a notice, with facts and evidence."""

    __tablename__ = "objections"

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    """What the objector is given as the receipt."""
    notice_id: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.notices.id"))
    case_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.review_cases.id"), index=True
    )
    objector: Mapped[dict[str, str]] = mapped_column(JSONB)
    """Kind, real name and contact; shown to the office that resolves it and to nobody else."""
    facts: Mapped[str] = mapped_column(Text)
    evidence: Mapped[list[str]] = mapped_column(JSONB)
    filed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    heard_until: Mapped[date]
    """The last day on which the city and the enterprise may answer before it is resolved."""
    status: Mapped[ObjectionStatus] = mapped_column(enum_column(ObjectionStatus))
    resolution: Mapped[str | None] = mapped_column(Text)
    resolved_by: Mapped[str | None] = mapped_column(String(200))
    resolved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    case: Mapped[ReviewCase] = relationship(lazy="raise")
    statements: Mapped[list["ObjectionStatement"]] = relationship(
        lazy="raise", order_by="ObjectionStatement.stated_at"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class ObjectionStatement(Base):
    """What the city or the enterprise says to an objection. Each says it once."""

    __tablename__ = "objection_statements"

    objection_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.objections.id"), primary_key=True
    )
    office: Mapped[str] = mapped_column(String(40), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    stated_by: Mapped[str] = mapped_column(String(200))
    stated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
