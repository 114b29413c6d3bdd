"""Who takes less energy: each policy that ships on a chip, or its own network as an ANN on a device that was measured?

    python -m benchmarks.against_devices [policies=pen-e,door-e] [episodes=5] [profile=loihi1-measured]

Each policy (default: all that ship) runs in closed loop on loihi-fast, and `dsf-report`'s own answer is printed: the
chip's energy of a decision and the ANN's on each device, nominal and with bands, then the sentence of the page. A
device's figure is a measured total of another network, scaled by multiply-accumulates
(docs/energy.md#what-stands-beside-it). ``less`` or ``more`` says how the chip stands beside the device; bold, where the
bands do not overlap.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_train.bench.table import markdown_table
from dsf_train.evaluation import EVALUATION_SEED
from hw_profiles.main_profile import MAIN_PROFILE
from hw_profiles.report.document.answers import MEASURED
from hw_profiles.report.document.ranges import Band
from hw_profiles.report.document.report import Report
from hw_profiles.report.verdict import Standing, banded, standing
from hw_profiles.report.write import make_report
from neuro_runtime.policy_files import shipped_policies
from neuro_runtime.run_of_call import run_policy
from neuro_runtime.run_options import RunConfiguration


@dataclass
class Options:
    """The policies, the episodes of each, and the chip's profile."""

    policies: str | None = None  # with commas; all that ship
    episodes: int = 5
    profile: str = MAIN_PROFILE


def main(argv: list[str]) -> int:
    """Run each policy, and print the table and the sentences."""
    options = compose(Options, argv)
    names = options.policies.split(",") if options.policies else shipped_policies()
    reports = {name: _report(name, options) for name in names}
    devices = [device for device, _ in _measured(reports[names[0]])]
    print(f"Mean of {options.episodes} episodes, by {options.profile}\n")
    print(markdown_table(["Policy", "Chip", *devices], [list(_line(name, report)) for name, report in reports.items()]))
    for name, report in reports.items():
        print(f"\n{name}: {report.main.first.verdict}")
    return 0


def _report(name: str, options: Options) -> Report:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        request = RunConfiguration(policy=name, episodes=options.episodes, seed=EVALUATION_SEED, out=str(out))
        run_policy(request, "loihi-fast", [options.profile], command="benchmarks.against_devices")
        return make_report(out, [options.profile])


def _measured(report: Report) -> list[tuple[str, Band]]:
    return [(item.profile, item.energy) for item in report.baselines if item.kind == MEASURED]


def _line(name: str, report: Report) -> Iterator[str]:
    account = report.main.first.energy
    assert account is not None
    yield f"`{name}`"
    yield banded(account.total)
    for _, energy in _measured(report):
        stands = standing(account.total, energy)
        word = "less" if stands in (Standing.below, Standing.nominally_below) else "more"
        is_apart = stands in (Standing.below, Standing.above)
        yield f"{banded(energy)}: {f'**{word}**' if is_apart else word}"


if __name__ == "__main__":
    sys.exit(run_command(main, "against_devices"))
