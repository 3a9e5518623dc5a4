"""`srdi pack`: read, try, explain, compare, copy and lock policy packs."""

import json
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import tomlkit
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from services.kernel.clock import SystemClock
from services.kernel.text import Text
from services.policy.cases import CasesInvalid, read_cases, run_case, untried
from services.policy.catalogue import PACKS, PackInvalid, load_catalogue, read_pack
from services.policy.difference import differences
from services.policy.documents import DocumentKind
from services.policy.eligibility import Eligibility, check
from services.policy.lock import (
    DOCUMENTS_FILE,
    LOCKED_FILES,
    PACK_FILE,
    PROCEDURE_FILE,
    lock_of,
    write_lock,
)
from services.policy.matter import Finding, Kind, Score, Verdict, spelled
from services.policy.pack import Pack, Title
from services.policy.procedure import Aggregation, PanelRule, SampleRule
from services.policy.source import unsourced

app = typer.Typer(help="Policy packs.", no_args_is_help=True)


def _console() -> Console:
    """Return a console as wide as the terminal is now."""
    return Console(highlight=False)


PackArgument = Annotated[
    str, typer.Argument(help="A pack that ships, such as guizhou/2021-05-06, or a pack's folder.")
]
Language = Literal["zh", "en"]
LanguageOption = Annotated[
    Language, typer.Option("--language", "-l", help="Language of the sentences.")
]

_SIGNS = {Verdict.MET: "✓", Verdict.NOT_MET: "✗", Verdict.NEEDS_OFFICER: "?"}
_COLOURS = {Verdict.MET: "green", Verdict.NOT_MET: "red", Verdict.NEEDS_OFFICER: "yellow"}
_VERDICTS = {
    Verdict.MET: Text("符合", "met"),
    Verdict.NOT_MET: Text("不符合", "not met"),
    Verdict.NEEDS_OFFICER: Text("须主管部门判定", "needs an officer"),
}
_AGGREGATIONS: dict[Aggregation, Text] = {
    "mean": Text("取平均分", "their mean"),
    "trimmed_mean": Text(
        "去掉最高分和最低分后取平均分", "their mean without the highest and lowest"
    ),
    "median": Text("取中位数", "their median"),
}
_NAME = re.compile(r"[a-z]{1,40}", re.ASCII)


def _fail(message: str) -> NoReturn:
    errors = Console(stderr=True, highlight=False)
    errors.print(message, style="red", soft_wrap=True, markup=False)
    raise typer.Exit(1)


def _say(message: str) -> None:
    _console().print(message, soft_wrap=True, markup=False)


def _folder_of(pack: str) -> Path:
    for folder in (Path(pack), PACKS / pack):
        if (folder / PACK_FILE).is_file():
            return folder.resolve()
    _fail(f"There is no pack {pack}. `srdi pack list` names those that ship.")


def _read(pack: str) -> tuple[Pack, Path]:
    folder = _folder_of(pack)
    try:
        return read_pack(folder / PACK_FILE, must_be_locked=False), folder
    except PackInvalid as invalid:
        _fail(str(invalid))


@app.command(name="list")
def list_packs() -> None:
    """List the packs that ship with the platform."""
    for pack in load_catalogue().packs():
        until = f" until {pack.in_force_until}" if pack.in_force_until else ""
        _say(f"{pack.name}{until}  {pack.title.zh}  {pack.title.en}")


@app.command(name="check")
def check_packs(
    packs: Annotated[
        list[str] | None, typer.Argument(help="Packs or folders; all that ship when none is named.")
    ] = None,
) -> None:
    """Check that packs hold together, quote their source, and answer their worked cases.

    Exit 1 when anything is wrong: a flaw, a changed lock, a quotation that SOURCE.md does not hold, a
    case judged otherwise than written, or a limit that no case tries from below, exactly and from
    above. Without packs it also loads all of them together, which finds overlaps.
    """
    if not packs:
        try:
            packs = [pack.name for pack in load_catalogue().packs()]
        except PackInvalid as invalid:
            _fail(str(invalid))
    wrong = [complaint for name in packs for complaint in _checked(name)]
    if wrong:
        _fail("\n".join(wrong))


def _checked(name: str) -> list[str]:
    pack, folder = _read(name)
    try:
        cases = read_cases(folder, pack)
    except CasesInvalid as invalid:
        return [str(invalid)]
    wrong = [f"{pack.name}: SOURCE.md does not hold “{text}”" for text in unsourced(folder)]
    for result in (run_case(pack, case) for case in cases):
        if not result.is_right:
            problems = [f"{one.pointer} {one.detail.en}" for one in result.checked.problems]
            found = "; ".join(problems) or f"found {dict(result.found)}"
            wrong.append(
                f"{pack.name}: case “{result.case.name}”: expected {dict(result.case.expect)}, {found}"
            )
    wrong += [f"{pack.name}: {limit}" for limit in untried(pack, cases)]
    _say(
        f"{pack.name}: titles {len(pack.titles)}, conditions {len(pack.conditions)},"
        f" vetoes {len(pack.vetoes)}, scoring tables {len(pack.scoring_tables)},"
        f" stages {len(pack.stages)}, worked cases {len(cases)};"
        f" {_locked(folder, PACK_FILE)}; sha256 {pack.checksum}"
    )
    _say(
        f"{pack.name}: panel rules {len(pack.procedure.panels)},"
        f" sample rules {len(pack.procedure.samples)};"
        f" {_locked(folder, PROCEDURE_FILE)}; sha256 {pack.procedure_checksum}"
    )
    if pack.documents_checksum is None:
        _say(f"{pack.name}: no {DOCUMENTS_FILE}, so no document is asked for")
        return wrong
    _say(
        f"{pack.name}: documents {len(pack.documents)},"
        f" required {sum(one.is_required for one in pack.documents)};"
        f" {_locked(folder, DOCUMENTS_FILE)}; sha256 {pack.documents_checksum}"
    )
    return wrong


def _locked(folder: Path, file: str) -> str:
    return "locked" if lock_of(folder, file).exists() else "not locked yet"


@app.command()
def explain(
    pack: PackArgument,
    title: Annotated[str | None, typer.Option(help="One title; every title otherwise.")] = None,
    facts: Annotated[
        Path | None,
        typer.Option(help="A JSON file with an enterprise's facts, or - to read them from a pipe."),
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", help="Use the enterprise that the worked cases start from.")
    ] = False,
    kind: Annotated[Kind, typer.Option(help="A new application or a renewal.")] = "new",
    on: Annotated[
        str | None, typer.Option(help="Day of application, YYYY-MM-DD; today otherwise.")
    ] = None,
    held: Annotated[
        list[str] | None, typer.Option(help="A title that it holds; may be given several times.")
    ] = None,
    language: LanguageOption = "zh",
) -> None:
    """Explain a pack; or how an enterprise stands against one of its titles, clause by clause."""
    read, folder = _read(pack)
    given = _facts(folder, facts) if facts or example else None
    if given is None:
        _explain_pack(read, title, language)
        return
    sought = title or next(one.id for one in read.ladder if one.conditions)
    if read.find_title(sought) is None:
        _fail(f"{read.name} has no title {sought}; it has {', '.join(read.title_names)}.")
    checked = read.check_facts(given)
    if checked.problems:
        _fail(
            "\n".join(
                f"{problem.pointer}: {getattr(problem.detail, language)}"
                for problem in checked.problems
            )
        )
    _explain_enterprise(
        read,
        check(
            read,
            title=sought,
            kind=kind,
            facts=checked.values,
            on=_day(on),
            titles_held=held or (),
        ),
        language,
    )


def _day(on: str | None) -> date:
    if on is None:
        return SystemClock().today()
    try:
        return date.fromisoformat(on)
    except ValueError:
        _fail(f"{on} is no day; write it as YYYY-MM-DD.")


def _facts(folder: Path, file: Path | None) -> dict[str, Any]:
    if file is None:
        document = tomllib.loads((folder / "cases.toml").read_text("utf-8"))
        base: dict[str, Any] = document["base"]
        return base
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        given = json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        _fail(f"{file} cannot be read as JSON: {error}")
    if not isinstance(given, dict):
        _fail(f"{file} holds no JSON object of facts.")
    return given


def _explain_pack(pack: Pack, title: str | None, language: Language) -> None:
    shown = [one for one in pack.ladder if title is None or one.id == title]
    if not shown:
        _fail(f"{pack.name} has no title {title}; it has {', '.join(pack.title_names)}.")
    until = f" – {pack.in_force_until}" if pack.in_force_until else ""
    root = Tree(f"[bold]{_in(pack.title, language)}[/]  {pack.in_force_from}{until}")
    for one in shown:
        _add_title(root, pack, one, language)
    if title is None:
        _add_rules(root, pack, language)
    _console().print(root)


def _add_title(root: Tree, pack: Pack, title: Title, language: Language) -> None:
    branch = root.add(f"[bold]{_in(title.name, language)}[/]  {title.id}  {title.clause}")
    tests = pack.tests_of(title.id)
    for condition in (*tests.conditions, *tests.vetoes):
        only = f"  ({condition.applies_to})" if condition.applies_to else ""
        branch.add(f"{condition.clause}  {_in(condition.text, language)}{only}")
    for table in pack.tables_of(title.id):
        points = branch.add(f"{_in(table.name, language)}  {table.out_of}")
        for dimension in table.dimensions:
            lines = points.add(f"{_in(dimension.name, language)}  {dimension.out_of}")
            for indicator in dimension.indicators:
                lines.add(f"{_in(indicator.name, language)}  {indicator.out_of}")
    if title.stages:
        stages = pack.stages_of(title.id)
        route = branch.add(" → ".join(_in(stage.name, language) for stage in stages))
        _add_procedure(route, pack, title, language)
    if documents := pack.documents_of(title.id):
        asked = branch.add("申报材料" if language == "zh" else "Documents")
        for document in documents:
            asked.add(_document_line(pack, document, language))


def _add_procedure(route: Tree, pack: Pack, title: Title, language: Language) -> None:
    for panel in pack.procedure.panels:
        if panel.stage in title.stages:
            lines = route.add(_panel_line(pack, panel, language))
            for indicator in panel.indicators:
                clause = escape(indicator.clause)
                lines.add(f"{clause}  {_in(indicator.name, language)}  {indicator.out_of}")
    for sample in pack.procedure.samples:
        if sample.stage in title.stages:
            lines = route.add(_sample_line(pack, sample, language))
            for visit_check in sample.checks:
                lines.add(_in(visit_check.name, language))


def _panel_line(pack: Pack, panel: PanelRule, language: Language) -> str:
    how, alarm = _AGGREGATIONS[panel.aggregation], spelled(panel.spread_alarm)
    passing = f"{spelled(panel.pass_at_least)}/{panel.out_of}"
    told = Text(
        f"{panel.experts} 位{'本领域' if panel.in_field else ''}专家，{how.zh}；{passing} 分通过；"
        f"分差超过 {alarm} 分的不作结果",
        f"{panel.experts} experts{' of the field' if panel.in_field else ''}, {how.en};"
        f" {passing} points to pass; no result while they are more than {alarm} apart",
    )
    name = pack.stage(panel.stage).name
    return f"{escape(panel.clause)}  {_in(name, language)}: {_in(told, language)}"


def _sample_line(pack: Pack, sample: SampleRule, language: Language) -> str:
    told = Text(
        f"抽取 {sample.percent}%，每户 {sample.inspectors} 人",
        f"{sample.percent} % are drawn, {sample.inspectors} inspectors each",
    )
    name = pack.stage(sample.stage).name
    return f"{escape(sample.clause)}  {_in(name, language)}: {_in(told, language)}"


def _document_line(pack: Pack, document: DocumentKind, language: Language) -> str:
    needed = Text("选交", "optional")
    if document.is_required:
        needed = Text("必交", "required")
    if document.required_when is not None:
        label = pack.facts[document.required_when].label
        needed = Text(f"申报“{label.zh}”的必交", f"required of: {label.en}")
    types = ", ".join(one.partition("/")[2].upper() for one in document.media_types)
    only = f"  ({document.applies_to})" if document.applies_to else ""
    return (
        f"{escape(document.clause)}  {_in(document.name, language)}: {_in(needed, language)};"
        f" {types} ≤ {document.max_megabytes} MB{only}"
    )


def _add_rules(root: Tree, pack: Pack, language: Language) -> None:
    is_zh = language == "zh"
    notice, validity = pack.notice, pack.validity
    days = {"working": Text("个工作日", "working days"), "calendar": Text("天", "days")}[
        notice.days
    ]
    root.add(
        f"{notice.clause}  {'公示' if is_zh else 'Public notice:'} {notice.length} {_in(days, language)}"
    )
    root.add(
        f"{validity.clause}  {'有效期' if is_zh else 'Valid for'} {validity.years}"
        f" {'年' if is_zh else 'years'}"
    )
    for line in _procedure_lines(pack):
        root.add(_in(line, language))
    for duty in pack.duties:
        root.add(f"{duty.clause}  {_in(duty.name, language)}: {_in(duty.consequence, language)}")
    grounds = root.add("撤销情形" if is_zh else "Grounds of revocation")
    for ground in pack.revocation_grounds:
        grounds.add(f"{ground.clause}  {_in(ground.name, language)}  {ground.id}")
    if pack.rewards is not None:
        root.add(f"{pack.rewards.clause}  {_in(pack.rewards.name, language)}")
    for target in pack.targets:
        root.add(f"{target.clause}  {_in(target.name, language)} ≥ {target.at_least}")


def _procedure_lines(pack: Pack) -> Iterator[Text]:
    """Yield what holds whatever the stage: hearings, who steps aside, and corrections."""
    hearing, conflicts = pack.procedure.hearing, pack.procedure.conflicts
    yield Text(
        f"{hearing.clause}  异议答复 {hearing.working_days} 个工作日",
        f"{hearing.clause}  To answer an objection: {hearing.working_days} working days",
    )
    yield Text(
        f"回避：关系结束后 {conflicts.years} 年内{'；同一市州的专家' if conflicts.same_city else ''}",
        f"Steps aside: who was tied to the enterprise in the last {conflicts.years} years"
        f"{'; an expert of its city' if conflicts.same_city else ''}",
    )
    resumed = pack.stage(pack.procedure.correction.resumes_at).name
    yield Text(
        f"重大更正后重新{resumed.zh}", f"After a material correction it resumes at: {resumed.en}"
    )


def _explain_enterprise(pack: Pack, of: Eligibility, language: Language) -> None:
    title = pack.title_named(of.title)
    _console().print(
        f"{_in(pack.title, language)}  {_in(title.name, language)}  {of.on}\n"
        f"[{_COLOURS[of.verdict]}]{_SIGNS[of.verdict]} {_in(_VERDICTS[of.verdict], language)}[/]"
        f"  {_in(of.enterprise_size.because, language)}",
        soft_wrap=True,
    )
    table = Table(show_lines=True)
    for heading in (("", ""), ("条款", "Clause"), ("条件", "Condition"), ("理由", "Because")):
        table.add_column(_in(Text(*heading), language), overflow="fold")
    for finding in (*of.conditions, *of.vetoes):
        _add_finding(table, finding, language, depth=0)
    _console().print(table)
    for score in of.scores:
        _console().print(_score_tree(score, language))


def _add_finding(table: Table, finding: Finding, language: Language, *, depth: int) -> None:
    sign = f"[{_COLOURS[finding.verdict]}]{_SIGNS[finding.verdict]}[/]"
    table.add_row(
        sign,
        finding.clause,
        f"{'· ' * depth}{_in(finding.text, language)}",
        _in(finding.because, language),
    )
    for part in finding.parts:
        _add_finding(table, part, language, depth=depth + 1)


def _score_tree(score: Score, language: Language) -> Tree:
    root = Tree(f"[bold]{_in(score.name, language)}[/]  {_points(score.least, score.most, score)}")
    for dimension in score.dimensions:
        branch = root.add(
            f"{_in(dimension.name, language)}"
            f"  {_points(dimension.least, dimension.most, dimension)}"
        )
        for one in dimension.indicators:
            branch.add(
                f"{_in(one.name, language)}  {_points(one.least, one.most, one)}"
                f"  {_in(one.because, language)}"
            )
    return root


def _points(least: Any, most: Any, of: Any) -> str:
    shown = spelled(least) if least == most else f"{spelled(least)}–{spelled(most)}"
    return f"{shown}/{spelled(of.out_of)}"


def _in(text: Text, language: Language) -> str:
    """Return the sentence as text: what an enterprise stated is never read as markup."""
    return escape(text.zh if language == "zh" else text.en)


@app.command()
def diff(before: PackArgument, after: PackArgument) -> None:
    """Compare two packs entry by entry: what is new, what is gone, which limit moved."""
    changes = differences(_folder_of(before), _folder_of(after))
    if not changes:
        _say("The two say the same.")
        return
    table = Table(show_lines=True)
    table.add_column("Entry", overflow="fold", ratio=2)
    table.add_column(before, overflow="fold", ratio=3)
    table.add_column(after, overflow="fold", ratio=3)
    for change in changes:
        before_shown, after_shown = (
            "–" if text is None else escape(text) for text in (change.before, change.after)
        )
        table.add_row(escape(change.entry), before_shown, after_shown)
    _console().print(table)


@app.command()
def new(
    folder: Annotated[
        Path, typer.Argument(help="<jurisdiction>/<day in force>, such as packs/yunnan/2027-01-01.")
    ],
    source: Annotated[
        str, typer.Option("--from", help="The pack to start from.", metavar="PACK")
    ] = "guizhou/2021-05-06",
    jurisdiction: Annotated[
        str | None, typer.Option(help="Its division code, if it is another one.")
    ] = None,
) -> None:
    """Copy a pack to a new jurisdiction or day, comments and all, ready to be changed."""
    try:
        in_force_from = date.fromisoformat(folder.name)
    except ValueError:
        _fail(f"{folder.name} is no day; the folder is named <jurisdiction>/<YYYY-MM-DD>.")
    if _NAME.fullmatch(folder.resolve().parent.name) is None:
        _fail(f"{folder.resolve().parent.name} is no name of a jurisdiction: small letters only.")
    if jurisdiction is not None and re.fullmatch(r"\d{6}", jurisdiction) is None:
        _fail(f"{jurisdiction} is no division code of six digits.")
    origin = _folder_of(source)
    try:
        shutil.copytree(origin, folder, ignore=shutil.ignore_patterns("*.lock"))
    except FileExistsError:
        _fail(f"{folder} is there already.")
    file = folder / PACK_FILE
    document = tomlkit.parse(file.read_text("utf-8"))
    document["in_force_from"] = in_force_from
    document.pop("in_force_until", None)
    if jurisdiction is not None:
        document["jurisdiction"] = jurisdiction
    file.write_text(tomlkit.dumps(document), "utf-8")
    _say(
        f"{folder} is a copy of {source}, in force from {in_force_from} and not locked. Now\n"
        "  change pack.toml, and in SOURCE.md the text that it quotes,\n"
        "  change documents.toml, if other documents are asked for,\n"
        "  change procedure.toml, if its stages are conducted otherwise,\n"
        f"  add cases to cases.toml until `srdi pack check {folder}` is content,\n"
        f"  see what changed with `srdi pack diff {source} {folder}`,\n"
        f"  and publish it with `srdi pack lock {folder}`."
    )


@app.command()
def lock(
    folder: Annotated[Path, typer.Argument(help="A pack's folder.", exists=True, file_okay=False)],
) -> None:
    """Lock a pack, its documents and its procedure when it is published. What is locked is never changed.

    A correction goes into a new folder. A file that came after its pack was locked is locked alone.
    """
    unlocked = [
        file
        for file in LOCKED_FILES
        if (folder / file).exists() and not lock_of(folder, file).exists()
    ]
    if not unlocked:
        _fail(f"{folder} is locked already; corrections go into a new folder.")
    wrong = _checked(str(folder))
    if wrong:
        _fail("\n".join(wrong))
    for file in unlocked:
        _say(f"{folder / file} is locked: sha256 {write_lock(folder, file)}")
