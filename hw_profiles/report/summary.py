"""A report in a terminal: the top of its page, and a line a profile and layout."""

from __future__ import annotations

from dsf_common.text_table import text_table
from hw_profiles.report.document.answers import LayoutAnswer, ProfileAnswer
from hw_profiles.report.document.report import Report
from hw_profiles.report.units import decimal_text, number_text, time_text
from hw_profiles.report.verdict import banded


def report_summary(report: Report) -> str:
    """Score, sentence, notes; then energy, time and cores of a decision by every profile, and the ANN baselines."""
    task = report.task
    score = decimal_text(task.score.mean)
    if task.score.low is not None and task.score.high is not None:
        score += f" (95 % interval {decimal_text(task.score.low)} … {decimal_text(task.score.high)})"
    head = [
        f"{task.environment} on {task.backend}, policy {task.policy}, {number_text(task.decisions)} decisions",
        f"accuracy in per cent {score}" if task.samples else f"score {score}; 0 is a random policy, 100 the reference",
        report.main.layouts[0].verdict,
        *([report.main.arithmetic.sentence] if report.main.arithmetic else []),
        *report.notes,
    ]
    return "\n\n".join(["\n".join(head), "\n".join(_table(report))])


def _table(report: Report) -> list[str]:
    rows: list[tuple[str, ...]] = [("", "layout", "energy a decision", "time a decision", "cores", "chips")]
    rows += [_row(answer, layout) for answer in report.profiles for layout in answer.layouts if layout.energy]
    rows += [
        (baseline.short_title, baseline.kind, banded(baseline.energy), "", "", "") for baseline in report.baselines
    ]
    refused = [
        f"{answer.name}, {layout.name}: {layout.refusal}"
        for answer in report.profiles
        for layout in answer.layouts
        if layout.refusal is not None
    ]
    return [text_table(rows, numbers=False), *refused]


def _row(answer: ProfileAnswer, layout: LayoutAnswer) -> tuple[str, ...]:
    energy, time, placement = layout.energy, layout.time, layout.placement
    return (
        answer.name,
        layout.name,
        "" if energy is None else banded(energy.total),
        "" if time is None else time_text(time.fall_through.nominal),
        "" if placement is None else number_text(placement.cores),
        "" if placement is None else number_text(placement.chips),
    )
