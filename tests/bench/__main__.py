"""Run every measurement, print each with its limit, and end with 1 when one is missed."""

import sys

from rich.console import Console
from rich.table import Table

from tests.bench.intake import measure_import, measure_last_minute
from tests.bench.measurement import Measurement
from tests.bench.registry import measure_register
from tests.bench.reward_reads import measure_reward_reads
from tests.bench.rewards import measure_award_runs
from tests.bench.rules import measure_checks, measure_endpoint, measure_loading

SUBJECTS = (
    measure_checks,
    measure_loading,
    measure_endpoint,
    measure_import,
    measure_last_minute,
    measure_register,
    measure_reward_reads,
    measure_award_runs,
)


def main() -> int:
    console = Console(highlight=False)
    measured: list[Measurement] = []
    for subject in SUBJECTS:
        console.print(f"measuring: {(subject.__doc__ or '').splitlines()[0]}", style="dim")
        measured += subject()
    table = Table(show_lines=False)
    for heading in ("What", "Measured", "Limit", "Beside", ""):
        table.add_column(heading, overflow="fold")
    for one in measured:
        table.add_row(
            one.what,
            one.shown,
            one.limit_shown,
            one.beside,
            "[green]held[/]" if one.is_held else "[red]missed[/]",
        )
    console.print(table)
    return 0 if all(one.is_held for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
