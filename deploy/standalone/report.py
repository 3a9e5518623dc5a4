"""What a newcomer reads once the platform runs: what happened, where to look, what to paste."""

import os

import httpx
from rich.console import Console
from rich.table import Table

from deploy.standalone.firms import FIRMS, Firm
from deploy.standalone.home import ExampleProgress
from deploy.standalone.offices import token_for
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
        *(f"paid {award['paid']} yuan" for award in statement["awards"]),
        *(f"paid back {one['repaid']} of {one['due']} yuan" for one in found["items"]),
    ]


async def _certificate(base: str, keys: KeyRing) -> str:
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        answer = await client.get(
            f"/api/v1/enterprises/{FIRMS['rising'].uscc}", headers=_as(keys, Office.PROVINCE)
        )
    held = answer.raise_for_status().json()["recognitions"]
    return str(held[-1]["certificate_number"])


def _as(keys: KeyRing, office: Office) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for(keys, office, region='520000')}"}
