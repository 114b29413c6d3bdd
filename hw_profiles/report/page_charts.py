"""The charts of a page, by the keys that its template asks for."""

from __future__ import annotations

from altair.utils.schemapi import debug_mode

from hw_profiles.report.charts.activity import raster_chart, rates_chart
from hw_profiles.report.charts.break_even import break_even_chart
from hw_profiles.report.charts.energy import layers_chart, profiles_chart, stack_chart, terms_chart
from hw_profiles.report.charts.pareto_front import front_chart
from hw_profiles.report.charts.placement import cores_chart, mesh_chart
from hw_profiles.report.charts.stages import stages_chart
from hw_profiles.report.charts.style import Specification
from hw_profiles.report.charts.time import steps_chart
from hw_profiles.report.document.answers import LayoutAnswer
from hw_profiles.report.document.report import Report


def charts_of(report: Report) -> dict[str, Specification]:
    """Every chart of the page: ``<chart>/<profile>/<layout>`` where it depends on both, less where it does not.

    Altair validates none of them, which would take most of the page's time: the tests do.
    """
    with debug_mode(False):
        return _charts_of(report)


def _charts_of(report: Report) -> dict[str, Specification]:
    specifications: dict[str, Specification | None] = {
        "rates": rates_chart(report.rates),
        "cores": cores_chart(report.profiles),
    }
    if report.raster:
        specifications["raster"] = raster_chart(report.raster)
    if report.stages:
        specifications["stages"] = stages_chart(report.stages)
    if report.front:
        specifications["front"] = front_chart(report.front)
    if report.break_even:
        specifications["break-even"] = break_even_chart(report.break_even)
    for name in dict.fromkeys(layout.name for answer in report.profiles for layout in answer.layouts):
        specifications[f"profiles/{name}"] = profiles_chart(report.profiles, report.baselines, name)
    for answer in report.profiles:
        for layout in answer.layouts:
            key = f"{answer.name}/{layout.name}"
            specifications |= {f"{chart}/{key}": found for chart, found in _charts_of_layout(layout).items()}
    return {key: specification for key, specification in specifications.items() if specification is not None}


def _charts_of_layout(layout: LayoutAnswer) -> dict[str, Specification | None]:
    found: dict[str, Specification | None] = {}
    if layout.energy:
        found["stack"] = stack_chart(layout.energy)
        found["terms"] = terms_chart(layout.energy)
        found["layers"] = layers_chart(layout.energy)
    if layout.time:
        found["steps"] = steps_chart(layout.time)
    if layout.placement:
        found["mesh-utilisation"] = mesh_chart(layout.placement.mesh, by_traffic=False)
        found["mesh-traffic"] = mesh_chart(layout.placement.mesh, by_traffic=True)
    return found
