"""What a newcomer reads once the platform runs: what happened, where to look, what to paste."""

import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from deploy.standalone.firms import FIRMS, Firm
from deploy.standalone.home import ExampleProgress
from deploy.standalone.offices import token_for
from deploy.standalone.rewarding import SETTLEMENTS
from services.kernel.identity.actor import Office
from services.kernel.identity.keys import KeyRing

TITLES = {
    "srdi_sme": "专精特新",
    "provincial_little_giant": "省小巨人",
    "national_little_giant": "国家小巨人",
}


async def print_report(
    base: str, keys: KeyRing, progress: ExampleProgress, console: Console
) -> None:
    """Print each enterprise as the platform's own API shows it now."""
    table = Table(title="The worked example, as the API answers now", title_justify="left")
    table.add_column("Enterprise", no_wrap=True)
    table.add_column("What it shows, and how it stands")
    async with httpx.AsyncClient(base_url=f"{base}/api/v1", timeout=30) as client:
        for firm in FIRMS.values():
            stands = [*await _titles(client, keys, firm), *await _money(client, keys, firm)]
            told = "\n".join((f"[bold]{firm.tale}[/]", *stands))
            table.add_row(f"{firm.name}\n{firm.uscc}", told, end_section=True)
    console.print(table)
    console.print(_side_by_side(progress))
    console.print("\nWhat the first of them is told of its reward, as it was reckoned then:")
    for line in _explained(progress):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print("\nWhat finance sees of the day on which both were paid:")
    for line in _reconciled(progress):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print()
    notice = progress.answers["srdi-notice"]
    notice_id = notice["id"] if isinstance(notice, dict) else ""
    for what, path in (
        ("public register", "/api/v1/public/enterprises"),
        ("public notice", f"/api/v1/public/notices/{notice_id}"),
        ("a certificate", f"/api/v1/public/certificates/{await _certificate(base, keys)}"),
        ("the plan's rules", "/api/v1/packs/guizhou/2021-05-06"),
        ("OpenAPI 3.1", "/openapi.json"),
        ("every refusal", "/problems/"),
    ):
        console.print(f"  {what:<17} {base}{path}", soft_wrap=True, highlight=False)
    console.print("\nAnybody's token, and a first question to paste into another terminal:")
    home = os.environ.get("SRDI_HOME")
    console.print(
        'curl -s -H "Authorization: Bearer $('
        + (f"SRDI_HOME={home} " if home else "")
        + ".venv/bin/srdi token --office finance_office"
        f' --region 520000)" {base}/api/v1/award-statements/{FIRMS["rising"].uscc}',
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


async def _titles(client: httpx.AsyncClient, keys: KeyRing, firm: Firm) -> list[str]:
    answer = await client.get(f"/enterprises/{firm.uscc}", headers=_as(keys, Office.PROVINCE))
    if answer.status_code == httpx.codes.NOT_FOUND:
        return ["no title"]
    held = answer.raise_for_status().json()["recognitions"]
    return [
        f"{TITLES[one['title']]}: revoked"
        if one["status"] == "revoked"
        else f"{TITLES[one['title']]}: {one['status']} to {one['valid_until']}"
        for one in held
    ]


async def _money(client: httpx.AsyncClient, keys: KeyRing, firm: Firm) -> list[str]:
    headers = _as(keys, Office.FINANCE)
    statement = (await client.get(f"/award-statements/{firm.uscc}", headers=headers)).json()
    found = (await client.get(f"/recoveries?uscc={firm.uscc}", headers=headers)).json()
    return [
        *(_paid(award) for award in statement["awards"]),
        *(line for one in found["items"] for line in _called_back(one)),
    ]


def _paid(award: Mapping[str, Any]) -> str:
    parts = [payment["amount"] for payment in award["payments"]]
    in_parts = f", in parts: {' + '.join(parts)}" if len(parts) > 1 else ""
    return f"paid {award['paid']} yuan for {TITLES[award['title']]}{in_parts}"


def _called_back(recovery: Mapping[str, Any]) -> list[str]:
    kept = recovery["keeps"]
    keeps = f"; keeps {kept['amount']} for {TITLES[kept['title']]}" if kept is not None else ""
    told = [f"paid back {recovery['repaid']} of {recovery['due']} yuan{keeps}"]
    if Decimal(recovery["overdue"]):
        told.append(f"overdue today: {recovery['overdue']} yuan of an instalment")
    return told


def _side_by_side(progress: ExampleProgress) -> Table:
    """Show one question under three ways to settle: what is granted now, and in the end."""
    table = Table(
        title="Both little giants at once: three ways to settle, side by side (example amounts)",
        title_justify="left",
    )
    table.add_column("Enterprise", overflow="fold")
    table.add_column("Settlement", no_wrap=True)
    table.add_column("What is granted, in yuan", overflow="fold")
    for key in ("rising", "fallen"):
        for settlement in SETTLEMENTS:
            answer = _told(progress, f"{key}-{settlement}")
            before = Decimal(answer["already_granted"])
            is_first = settlement == SETTLEMENTS[0]
            table.add_row(
                f"{FIRMS[key].name}\ngranted before: {before:,.2f}" if is_first else "",
                settlement,
                _settled(answer, before),
                end_section=settlement == SETTLEMENTS[-1],
            )
    return table


def _settled(answer: Mapping[str, Any], before: Decimal) -> str:
    owed = [Decimal(one["payable"]) for one in answer["considered"]]
    # Settled each by itself, the lower title follows the higher; otherwise nothing comes after it.
    in_the_end = before + (sum(owed) if answer["settlement"] == "no_offset" else max(owed))
    return (
        f"now [bold]{Decimal(answer['payable']):,.2f}[/], in the end [bold]{in_the_end:,.2f}[/]\n"
        f"{answer['formula']['zh']}\n{answer['formula']['en']}"
    )


def _explained(progress: ExampleProgress) -> Iterator[str]:
    """Yield what the enterprise itself is told: why it gets this sum and no other."""
    explanation = _told(progress, "rising-top_up")["explanation"]
    yield explanation["zh"]
    yield ""
    yield explanation["en"]


def _reconciled(progress: ExampleProgress) -> Iterator[str]:
    """Yield what a dry run reckoned that day, what the day's report left out, and how it ended."""
    reckoned = _told(progress, "dry-run-result")["result"]
    yield (
        f"  a dry run: {reckoned['enterprises']} enterprises are owed {reckoned['amount']} yuan;"
        f" {reckoned['budget_left']} are left of the year's budget"
    )
    for one in _told(progress, "day-differences")["items"]:
        yield (
            f"  {one['code']}: {one['recorded']['amount']} yuan, voucher {one['reference']}"
            f" · {one['meaning']['zh']}"
        )
    day = _told(progress, "day-reconciled")
    yield (
        f"  {day['day']}, report {day['statement_number']}: {day['recorded']['payments']['amount']}"
        f" yuan paid and reported, {day['differences']} differences"
    )


def _told(progress: ExampleProgress, name: str) -> Mapping[str, Any]:
    """Return what a step of the story was answered."""
    answer: Any = progress.answers[name]
    told: Mapping[str, Any] = answer
    return told


async def _certificate(base: str, keys: KeyRing) -> str:
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        answer = await client.get(
            f"/api/v1/enterprises/{FIRMS['rising'].uscc}", headers=_as(keys, Office.PROVINCE)
        )
    held = answer.raise_for_status().json()["recognitions"]
    return str(held[-1]["certificate_number"])


def _as(keys: KeyRing, office: Office) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for(keys, office, region='520000')}"}
