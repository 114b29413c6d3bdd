"""``docs/profiles.md``, written from the profiles: ``python -m hw_profiles.profile_documentation``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from dsf_common.files import atomic_write
from hw_profiles.capacity import Capacity
from hw_profiles.event_prices import Anchor, ConstantPower, EventEnergy, EventTime, MemoryEnergy
from hw_profiles.figure import Figure
from hw_profiles.loader import load_profile, profile_names
from hw_profiles.measured_inference import MeasuredInference
from hw_profiles.profile import Profile

DOCUMENT = Path(__file__).parent.parent / "docs" / "profiles.md"
SECTIONS = ("capacity", "energy", "time", "power", "memory")
LEFT_OUT = {
    "Akida AKD1000": "a catalogue's power (about 30 mW) and no measured energy of an operation",
    "BrainScaleS-2": "analogue and 1000 times faster than a robot; measured a whole network only",
    "Darwin3": "5.47 pJ a synaptic operation is what one more costs, and the rest was not published",
    "Kraken (ColibriUAV)": "power of a whole system only",
    "SpiNNaker": "130 nm and about 1 W a chip, followed by SpiNNaker2, which is here",
    "Tianjic": "power of a whole chip only",
    "A100, H100 and other GPUs by peak figures": (
        "a peak says nothing of one decision at a time, where launching and static power dominate; "
        "nobody measured these policies"
    ),
}
INTRODUCTION = """\
# Profiles

Written from [hw_profiles/profiles](../hw_profiles/profiles) by `python -m hw_profiles.profile_documentation`; a test
fails when it is stale.

A profile is what is known of one chip, counting convention, processor or device. Every figure has a value, a unit, a
grade, a source, and a band where the evidence is one:

| Grade | Means |
|---|---|
| measured | on silicon |
| simulated | SPICE, SDF, RTL or a simulator |
| datasheet | a vendor's statement, or true by design |
| inferred | arithmetic or a regression from other figures |

A `chip` is priced after a network was placed on its cores; a `convention` prices operations wherever they happen; a
`processor` runs an artificial neural network by prices of its arithmetic and memory; a `device` ran some and was
measured, and others are scaled from the first of them by multiply-accumulates. An *all-in* figure was measured with
everything inside, so no other term is added to it. *Anchors* are whole networks that others measured: printed beside an
estimate, never added to it.

To describe a chip of your own, copy a file, change it and run `dsf-report RUN --profile my-chip.yaml`. The keys are
explained in [profile.py](../hw_profiles/profile.py), [capacity.py](../hw_profiles/capacity.py) and
[event_prices.py](../hw_profiles/event_prices.py). An unknown key, a figure without a source or a wrong unit is refused
with the file, the key and the nearest valid one.
"""


def documentation() -> str:
    """The whole page, in Markdown."""
    profiles = [load_profile(name) for name in profile_names()]
    return "\n".join(
        [INTRODUCTION, *_overview(profiles), *(_profile_text(profile) for profile in profiles), *_left_out()]
    )


def main() -> int:
    """Write the page to where the repository keeps it."""
    return run_command(_main, "profile_documentation", [])


def _main(_: list[str]) -> int:
    if not DOCUMENT.parent.is_dir():
        raise UserError(
            f"{DOCUMENT.parent} is no folder; run this in a clone of the repository, not an installed package"
        )
    with atomic_write(DOCUMENT) as temporary:
        temporary.write_text(documentation(), encoding="utf-8")
    print(DOCUMENT)
    return 0


def _overview(profiles: list[Profile]) -> Iterator[str]:
    yield "## What there is\n"
    yield "| Profile | Is | Kind | Prices |\n|---|---|---|---|"
    for profile in profiles:
        yield f"| [`{profile.name}`](#{profile.name}) | {profile.title} | {profile.kind.value} | {_prices(profile)} |"
    yield ""


def _prices(profile: Profile) -> str:
    if profile.inferences:
        return "whole inferences: measured"
    if profile.all_in:
        return "synaptic operations, all-in"
    if not profile.has_prices:
        return "nothing"
    priced = dict(_figures(profile.energy))
    grades = sorted({figure.grade for figure in priced.values()}, key=lambda grade: grade.rank)
    return f"{', '.join(f'`{key}`' for key in priced)}: {', '.join(grade.value for grade in grades)}"


def _profile_text(profile: Profile) -> str:
    lines = [f"## {profile.name}\n", f"{profile.title[0].upper()}{profile.title[1:]}. {profile.about}\n"]
    rows = [row for section in SECTIONS for row in _rows(section, getattr(profile, section))]
    rows += [
        row for number, inference in enumerate(profile.inferences) for row in _rows(f"inferences[{number}]", inference)
    ]
    if rows:
        lines += ["| Figure | Value | Band | Unit | Grade | Source |", "|---|---|---|---|---|---|", *rows, ""]
    lines += [f"`inferences[{number}]` is {each.workload}.\n" for number, each in enumerate(profile.inferences)]
    lines += map(_anchor_text, profile.anchors)
    lines.append(f"Not counted: {'; '.join(profile.not_counted)}.\n")
    return "\n".join(lines)


def _anchor_text(anchor: Anchor) -> str:
    figure = anchor.energy
    value = f"{figure.value:g}{_band(figure, before=' (', after=')')} µJ"
    return f"Anchor: {anchor.workload}: {value}, {figure.grade.value}; {figure.source}.\n"


Section = Capacity | EventEnergy | EventTime | ConstantPower | MemoryEnergy | MeasuredInference


def _figures(section: Section | None) -> Iterator[tuple[str, Figure]]:
    for field in fields(section) if section is not None else ():
        figure = getattr(section, field.name)
        if isinstance(figure, Figure):
            yield field.name, figure


def _rows(name: str, section: Section | None) -> Iterator[str]:
    for key, figure in _figures(section):
        yield (
            f"| `{name}.{key}` | {figure.value:g} | {_band(figure)} | {figure.unit} "
            f"| {figure.grade.value} | {figure.source} |"
        )


def _band(figure: Figure, before: str = "", after: str = "") -> str:
    low, high = figure.band
    return "" if low == high else f"{before}{low:g} … {high:g}{after}"


def _left_out() -> Iterator[str]:
    yield "## Left out, and why\n"
    yield "| Hardware | Why |\n|---|---|"
    yield from (f"| {hardware} | {reason} |" for hardware, reason in sorted(LEFT_OUT.items()))
    yield ""


if __name__ == "__main__":
    sys.exit(main())
