"""A policy pack: one jurisdiction's rules from one day on, as typed data that nobody changes."""

from collections.abc import Iterator
from datetime import date
from functools import cached_property
from typing import Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.kernel.text import Text
from services.policy.conditions import Condition, Rule, with_parts
from services.policy.declared import HoldsTitle, OneOf
from services.policy.documents import DocumentKind, document_flaws
from services.policy.facts import Fact, FactKind, Facts, FactsChecked, check_facts
from services.policy.limits import ScoreAtLeast
from services.policy.matter import Kind
from services.policy.procedure import PanelRule, Procedure, SampleRule, procedure_flaws
from services.policy.rewards import RewardRule
from services.policy.scoring import Bands, BestOf, Highest, OptionPoints, ScoringTable, Steps, Sum
from services.policy.stages import PublicNotice, Stage
from services.policy.validity import Validity

PartT = TypeVar("PartT", "Title", Stage, Condition, "RevocationGround", ScoringTable)

ConferredBy = Literal["programme", "ministry", "city"]


class PackPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Option(PackPart):
    """One member of a list that a fact is chosen from."""

    id: str
    name: Text


class OptionList(PackPart):
    clause: str
    official_text: str
    options: tuple[Option, ...] = Field(min_length=1)


class Title(PackPart):
    """称号: an honour, its rank, who confers it, and what decides it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Text
    short_code: str = Field(pattern=r"^[A-Z0-9]{1,12}$")
    """Stands in certificate numbers."""
    rank: int
    """Higher is higher; two titles of one pack never share a rank."""
    clause: str
    official_text: str
    conferred_by: ConferredBy
    requires_title: str | None = None
    conditions: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()


class RevocationGround(PackPart):
    """撤销情形: why a title may be taken away, and what follows for money and re-application."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    name: Text
    clause: str
    official_text: str
    needs_finding: bool
    """Whether the finding that established it (查实) has to be named."""
    recovers_rewards: bool
    examines_other_titles: bool
    """Whether an officer has to look at the enterprise's other titles as well."""
    exclusion_years: int = Field(ge=0)
    """Full years without a new application; 0 bars nothing."""
    effects_basis: str
    """Where the effects come from when the law itself is silent on them."""


class Duty(PackPart):
    """What a holder has to do while its title runs, by when, and what follows if it does not."""

    id: str
    name: Text
    clause: str
    official_text: str
    every_year_by: str | None = Field(
        default=None, pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"
    )
    """The last day of each year, as MM-DD."""
    within_months: int | None = Field(default=None, ge=1)
    """Months after the change that is to be reported."""
    consequence: Text

    @model_validator(mode="after")
    def _has_one_term(self) -> "Duty":
        if (self.every_year_by is None) == (self.within_months is None):
            raise ValueError(f"duty {self.id}: it has every_year_by or within_months")
        return self


class Target(PackPart):
    """A yearly number that is reported on and never decides an application."""

    id: str
    name: Text
    clause: str
    official_text: str
    per: Literal["city", "province"]
    at_least: int


class PackDocument(PackPart):
    """A pack as its file writes it."""

    schema_version: Literal[1]
    jurisdiction: str = Field(pattern=r"^\d{6}$")
    in_force_from: date
    in_force_until: date | None = None
    """The first day on which it is no longer in force; open while nothing has replaced it."""
    title: Text
    issued_by: tuple[str, ...]
    required_facts: tuple[str, ...]
    facts: dict[str, Fact]
    lists: dict[str, OptionList] = Field(default_factory=dict)
    conditions: tuple[Condition, ...]
    vetoes: tuple[Condition, ...]
    scoring_tables: tuple[ScoringTable, ...] = ()
    stages: tuple[Stage, ...]
    titles: tuple[Title, ...]
    notice: PublicNotice
    validity: Validity
    duties: tuple[Duty, ...] = ()
    revocation_grounds: tuple[RevocationGround, ...]
    rewards: RewardRule | None = None
    """None where the law gives no reward of its own."""
    targets: tuple[Target, ...] = ()


class TitleTests(NamedTuple):
    """The conditions and vetoes of one title, the title that it requires among them."""

    conditions: tuple[Condition, ...]
    vetoes: tuple[Condition, ...]


class PackFlaw(ValueError):
    """Something in a pack that does not hold together."""


class Pack(PackDocument):
    """A pack that was read whole and found sound."""

    name: str
    """Folder and first day in force, such as `guizhou/2021-05-06`."""
    checksum: str
    """SHA-256 of its file."""
    documents: tuple[DocumentKind, ...] = ()
    """The kinds of document that an application is asked for, in the order of their own file."""
    documents_checksum: str | None = None
    """SHA-256 of that file; None without one."""
    procedure: Procedure
    """How its stages are conducted, from a file of its own."""
    procedure_checksum: str
    """SHA-256 of that file."""

    def model_post_init(self, _context: object, /) -> None:
        """Refuse what does not hold together, naming all of it. Raises `PackFlaw`."""
        _by_id("condition", tuple(with_parts((*self.conditions, *self.vetoes))))
        flaws = list(self._flaws())
        if flaws:
            raise PackFlaw("; ".join(flaws))

    # Indexes of what the file lists, each made once. They are no private attributes, because
    # pydantic finds those by a slow way and every check asks for them.

    @cached_property
    def options(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(one.id for one in of.options) for name, of in self.lists.items()}

    @cached_property
    def option_names(self) -> dict[str, dict[str, Text]]:
        return {name: {one.id: one.name for one in of.options} for name, of in self.lists.items()}

    @cached_property
    def tables(self) -> dict[str, ScoringTable]:
        return _by_id("scoring table", self.scoring_tables)

    @cached_property
    def title_names(self) -> dict[str, Text]:
        return {title.id: title.name for title in self.titles}

    @cached_property
    def _titles(self) -> dict[str, Title]:
        return _by_id("title", self.titles)

    @cached_property
    def _stages(self) -> dict[str, Stage]:
        return _by_id("stage", self.stages)

    @cached_property
    def _conditions(self) -> dict[str, Condition]:
        return _by_id("condition", (*self.conditions, *self.vetoes))

    @cached_property
    def _grounds(self) -> dict[str, RevocationGround]:
        return _by_id("ground", self.revocation_grounds)

    @cached_property
    def _tests(self) -> dict[tuple[str, Kind | None], TitleTests]:
        kinds: tuple[Kind | None, ...] = (None, "new", "renewal")
        return {
            (title.id, kind): self._tests_of(title, kind) for title in self.titles for kind in kinds
        }

    @cached_property
    def _documents(self) -> dict[str, DocumentKind]:
        return {document.id: document for document in self.documents}

    @cached_property
    def _asked_for(self) -> dict[tuple[str, Kind | None], tuple[DocumentKind, ...]]:
        kinds: tuple[Kind | None, ...] = (None, "new", "renewal")
        return {
            (title.id, kind): tuple(
                document
                for document in self.documents
                if title.id in self.titles_asking_for(document)
                and (kind is None or document.applies_to in {None, kind})
            )
            for title in self.titles
            for kind in kinds
        }

    @cached_property
    def _panels(self) -> dict[str, PanelRule]:
        return {panel.stage: panel for panel in self.procedure.panels}

    @cached_property
    def _samples(self) -> dict[str, SampleRule]:
        return {sample.stage: sample for sample in self.procedure.samples}

    @cached_property
    def _needed(self) -> dict[tuple[str, Kind], tuple[str, ...]]:
        kinds: tuple[Kind, Kind] = ("new", "renewal")
        return {
            (title.id, kind): self._facts_needed(title, kind)
            for title in self.titles
            for kind in kinds
        }

    @property
    def ladder(self) -> tuple[Title, ...]:
        """The titles, lowest first."""
        return tuple(sorted(self.titles, key=lambda title: title.rank))

    @property
    def applied_for(self) -> tuple[str, ...]:
        """The titles that are applied for here, which the pack sets conditions for, lowest first."""
        return tuple(title.id for title in self.ladder if title.conditions)

    @property
    def reward_rule(self) -> RewardRule:
        """The reward rule of a pack that is known to have one. Raises `LookupError`."""
        if self.rewards is None:
            raise LookupError(f"{self.name} gives no reward")
        return self.rewards

    def find_title(self, title: str) -> Title | None:
        return self._titles.get(title)

    def title_named(self, title: str) -> Title:
        """Return a title that the pack is known to have. Raises `KeyError`."""
        return self._titles[title]

    def ground(self, ground: str) -> RevocationGround | None:
        return self._grounds.get(ground)

    def stage(self, stage: str) -> Stage:
        return self._stages[stage]

    def stages_of(self, title: str) -> tuple[Stage, ...]:
        return tuple(self._stages[stage] for stage in self._titles[title].stages)

    def stage_after(self, title: str, stage: str) -> Stage | None:
        """Return the stage that follows one, or None after the last."""
        order = self._titles[title].stages
        following = order[order.index(stage) + 1 :]
        return self._stages[following[0]] if following else None

    def panel_rule(self, stage: str) -> PanelRule:
        """Return how the panel of a stage is conducted. Raises `KeyError` for one without a panel."""
        return self._panels[stage]

    def sample_rule(self, stage: str) -> SampleRule:
        """Return how the site visits of a stage are drawn. Raises `KeyError` for one without any."""
        return self._samples[stage]

    def check_facts(self, facts: Facts) -> FactsChecked:
        return check_facts(self.facts, self.options, facts)

    def facts_needed(self, title: str, kind: Kind = "new") -> tuple[str, ...]:
        """Return the facts that an application for a title cannot be submitted without."""
        return self._needed[title, kind]

    def document_kind(self, document: str) -> DocumentKind | None:
        return self._documents.get(document)

    def titles_asking_for(self, document: DocumentKind) -> tuple[str, ...]:
        """Return the titles that a kind of document is asked for."""
        return document.titles or self.applied_for

    def documents_of(self, title: str, kind: Kind | None = None) -> tuple[DocumentKind, ...]:
        """Return the documents asked for with a title: for one kind of application, or for either.

        Raises `KeyError` for a title that is not here.
        """
        return self._asked_for[title, kind]

    def documents_needed(self, title: str, kind: Kind, facts: Facts) -> tuple[str, ...]:
        """Return the documents that an application with these facts cannot be submitted without."""
        return tuple(
            document.id
            for document in self.documents_of(title, kind)
            if document.is_required
            or (document.required_when is not None and facts.get(document.required_when) is True)
        )

    def tests_of(self, title: str, kind: Kind | None = None) -> TitleTests:
        """Return what a title is decided by: for one kind of application, or for either.

        Raises `KeyError` for a title that is not here.
        """
        return self._tests[title, kind]

    def tables_of(self, title: str) -> tuple[ScoringTable, ...]:
        """Return the scoring tables that a title's conditions ask for."""
        asked = _tables_asked(self.tests_of(title).conditions)
        return tuple(self.tables[table] for table in dict.fromkeys(asked))

    def _tests_of(self, title: Title, kind: Kind | None) -> TitleTests:
        def applying(names: tuple[str, ...]) -> Iterator[Condition]:
            for name in names:
                condition = self._conditions[name]
                if kind is None or condition.applies_to in {None, kind}:
                    yield condition

        return TitleTests(
            conditions=(*self._ladder_conditions(title), *applying(title.conditions)),
            vetoes=tuple(applying(title.vetoes)),
        )

    def _ladder_conditions(self, title: Title) -> tuple[Condition, ...]:
        if title.requires_title is None:
            return ()
        required = self._titles[title.requires_title].name
        return (
            Condition(
                id="holds_required_title",
                clause=title.clause,
                official_text=title.official_text,
                text=Text(
                    f"须持有在有效期内的称号：{required.zh}。",
                    f"It has to hold a valid title: {required.en}.",
                ),
                rule=HoldsTitle(kind="holds_title", title=title.requires_title),
            ),
        )

    def _facts_needed(self, title: Title, kind: Kind) -> tuple[str, ...]:
        tests = self._tests[title.id, kind]
        used = [fact for one in (*tests.conditions, *tests.vetoes) for fact in one.rule.uses]
        for table in _tables_asked(tests.conditions):
            used += self.tables[table].facts_used()
        wanted = dict.fromkeys((*self.required_facts, *used))
        return tuple(fact for fact in wanted if not self.facts[fact].is_optional)

    def _flaws(self) -> Iterator[str]:
        yield from self._fact_flaws()
        yield from self._title_flaws()
        yield from self._stage_flaws()
        if self.in_force_until is not None and self.in_force_until <= self.in_force_from:
            yield "it ends before it begins"
        for title in self.rewards.titles if self.rewards is not None else ():
            if title not in self._titles:
                yield f"the reward rule names the unknown title {title}"
        if self.documents:
            yield from document_flaws(
                self.documents,
                facts=self.facts,
                titles=self.applied_for,
                evidence=self._evidence_named(),
            )
        yield from procedure_flaws(self.procedure, stages=self._stages, facts=self.facts)

    def _evidence_named(self) -> Iterator[tuple[str, str]]:
        """Yield where a document is named, and which."""
        for condition in with_parts(tuple(self._conditions.values())):
            for document in (*condition.evidence, *condition.rule.evidence_named()):
                yield f"condition {condition.id}", document
        for table in self.scoring_tables:
            for indicator in table.indicators:
                for document in indicator.evidence:
                    yield f"table {table.id}, indicator {indicator.id}", document

    def _fact_flaws(self) -> Iterator[str]:
        for name, fact in self.facts.items():
            if fact.kind is FactKind.CHOICE and fact.options not in self.options:
                yield f"fact {name} is chosen from the unknown list {fact.options}"
            if fact.kind is not FactKind.CHOICE and fact.options is not None:
                yield f"fact {name} is no choice and has options"
        for name in self.required_facts:
            if name not in self.facts:
                yield f"the required fact {name} is not declared"
        yield from self._condition_flaws()

    def _condition_flaws(self) -> Iterator[str]:
        for condition in with_parts(tuple(self._conditions.values())):
            yield from self._rule_flaws(f"condition {condition.id}", condition.rule)
        asked = set(_tables_asked(tuple(self._conditions.values())))
        for table in self.scoring_tables:
            yield from table.flaws()
            yield from self._table_flaws(table)
            if table.id not in asked:
                yield f"no condition asks for the table {table.id}"

    def _rule_flaws(self, where: str, rule: Rule) -> Iterator[str]:
        unknown = [name for name in rule.facts_used() if name not in self.facts]
        for name in unknown:
            yield f"{where} uses the fact {name}, which is not declared"
        if unknown:
            return
        yield from self._kind_flaws(where, rule.wants())
        if isinstance(rule, OneOf):
            yield from self._choice_flaws(where, rule)
        if isinstance(rule, HoldsTitle) and rule.title not in self._titles:
            yield f"{where} names the unknown title {rule.title}"
        if isinstance(rule, ScoreAtLeast):
            yield from self._score_flaws(where, rule)

    def _kind_flaws(
        self, where: str, wanted: Iterator[tuple[str, frozenset[FactKind]]]
    ) -> Iterator[str]:
        for name, kinds in wanted:
            if self.facts[name].kind not in kinds:
                yield (
                    f"{where} reads {name} as {' or '.join(sorted(kinds))},"
                    f" but it is a {self.facts[name].kind}"
                )

    def _score_flaws(self, where: str, rule: ScoreAtLeast) -> Iterator[str]:
        table = self.tables.get(rule.table)
        if table is None:
            yield f"{where} asks for the unknown table {rule.table}"
            return
        within = {dimension.id: dimension.out_of for dimension in table.dimensions}
        if rule.dimension is not None and rule.dimension not in within:
            yield f"{where} asks for the unknown dimension {rule.dimension} of {table.id}"
            return
        highest = table.out_of if rule.dimension is None else within[rule.dimension]
        if rule.at_least > highest:
            yield f"{where} wants {rule.at_least} of {highest} points"

    def _table_flaws(self, table: ScoringTable) -> Iterator[str]:
        for indicator in table.indicators:
            where, scale = f"table {table.id}, indicator {indicator.id}:", indicator.scale
            unknown = [name for name in scale.facts_used() if name not in self.facts]
            for name in unknown:
                yield f"{where} uses the fact {name}, which is not declared"
            if unknown:
                continue
            match scale:
                case Bands() | Steps():
                    yield from self._kind_flaws(where, scale.measure.wants())
                case BestOf():
                    for one in scale.scales:
                        yield from self._kind_flaws(where, one.measure.wants())
                case Sum() | Highest():
                    for item in scale.items:
                        yield from self._rule_flaws(f"{where} {item.name.en}", item.rule)
                case OptionPoints():
                    yield from self._option_flaws(where, scale)

    def _option_flaws(self, where: str, scale: OptionPoints) -> Iterator[str]:
        fact = self.facts[scale.fact]
        offered = self.options.get(fact.options or "", frozenset())
        if set(scale.options) != offered:
            odd = ", ".join(sorted(set(scale.options) ^ offered))
            yield f"{where} gives points for other options than {scale.fact} offers: {odd}"

    def _choice_flaws(self, where: str, rule: OneOf) -> Iterator[str]:
        offered = self.options.get(self.facts[rule.fact].options or "", frozenset())
        for option in (*rule.accepted, *rule.officer):
            if option not in offered:
                yield f"{where} accepts {option}, which {rule.fact} does not offer"

    def _title_flaws(self) -> Iterator[str]:
        ranks = [title.rank for title in self.titles]
        if len(set(ranks)) != len(ranks):
            yield "two titles share a rank"
        for title in self.titles:
            for condition in (*title.conditions, *title.vetoes):
                if condition not in self._conditions:
                    yield f"title {title.id} names the unknown condition {condition}"
            for stage in title.stages:
                if stage not in self._stages:
                    yield f"title {title.id} names the unknown stage {stage}"
            if len(set(title.stages)) != len(title.stages):
                yield f"title {title.id} goes through one stage twice"
            required = self._titles.get(title.requires_title or "")
            if title.requires_title is not None and (
                required is None or required.rank >= title.rank
            ):
                yield f"title {title.id} requires {title.requires_title}, which is not below it"
            if bool(title.stages) != (title.conferred_by == "programme"):
                yield f"title {title.id} has stages exactly if the programme confers it"

    def _stage_flaws(self) -> Iterator[str]:
        asked = {one for title in self.titles for one in (*title.conditions, *title.vetoes)}
        for condition in self._conditions:
            if condition not in asked:
                yield f"no title asks for the condition {condition}"
        reached = {stage for title in self.titles for stage in title.stages}
        for stage in self.stages:
            if stage.id not in reached:
                yield f"no title reaches the stage {stage.id}"
        for title in self.titles:
            if title.stages and self._stages[title.stages[-1]].kind != "notice":
                yield f"title {title.id} does not end with a public notice"


def missing(pack: Pack, title: str, facts: Facts, kind: Kind = "new") -> tuple[str, ...]:
    """Return the facts still needed for a title, in the pack's order."""
    return tuple(fact for fact in pack.facts_needed(title, kind) if facts.get(fact) is None)


def _tables_asked(conditions: tuple[Condition, ...]) -> list[str]:
    return [
        condition.rule.table
        for condition in with_parts(conditions)
        if isinstance(condition.rule, ScoreAtLeast)
    ]


def _by_id(what: str, parts: tuple[PartT, ...]) -> dict[str, PartT]:
    found = {part.id: part for part in parts}
    if len(found) != len(parts):
        raise PackFlaw(f"two parts share the id of a {what}")
    return found
