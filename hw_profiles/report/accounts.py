"""Estimates as the document holds them: in bands, by term, by layer, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hw_profiles.energy import EnergyEstimate, EnergyLine
from hw_profiles.report.document.costs import Cost, EnergyAccount, LayerCost, PricedCount, ReportedStep, TimeAccount
from hw_profiles.report.document.ranges import Band
from hw_profiles.timing import Span, TimeEstimate

WHOLE = "no layer: whole chip and host"


def energy_account(estimate: EnergyEstimate, order: Sequence[str]) -> EnergyAccount:
    """The estimate by term, by layer (those of ``order`` first, in that order) and line by line."""
    lines = tuple(map(_priced, estimate.lines))
    terms = dict.fromkeys(line.term for line in lines)
    found = {line.layer for line in lines}
    layers = dict.fromkeys([*(layer for layer in order if layer in found), *(line.layer for line in lines)])
    return EnergyAccount(
        total=band_of(estimate),
        terms=tuple(Cost(term, _sum(line.energy for line in lines if line.term == term)) for term in terms),
        layers=tuple(_layer_cost(layer, [line for line in lines if line.layer == layer]) for layer in layers),
        lines=lines,
        not_counted=estimate.not_counted,
    )


def time_account(estimate: TimeEstimate) -> TimeAccount:
    """The estimate, its time steps in µs."""
    return TimeAccount(
        fall_through=_band(estimate.decision_us),
        pipelined=_band(estimate.pipelined_us),
        binding=estimate.binding,
        steps=tuple(ReportedStep(step.step, _band(step.ns, 1e-3), step.binding) for step in estimate.steps),
        assumptions=estimate.assumptions,
        not_counted=estimate.not_counted,
    )


def band_of(estimate: EnergyEstimate | EnergyLine) -> Band:
    """Its total with its band, in pJ."""
    return Band(estimate.total_pj, *estimate.band_pj)


def _priced(line: EnergyLine) -> PricedCount:
    each = Band(line.each_pj, line.low_pj, line.high_pj)
    return PricedCount(line.term, line.layer, line.count, each, band_of(line), line.grade.value, line.source)


def _layer_cost(layer: str | None, lines: Sequence[PricedCount]) -> LayerCost:
    terms = dict.fromkeys(line.term for line in lines)
    return LayerCost(
        WHOLE if layer is None else layer,
        _sum(line.energy for line in lines),
        tuple(Cost(term, _sum(line.energy for line in lines if line.term == term)) for term in terms),
    )


def _sum(bands: Iterable[Band]) -> Band:
    chosen = list(bands)
    return Band(
        sum(band.nominal for band in chosen), sum(band.low for band in chosen), sum(band.high for band in chosen)
    )


def _band(span: Span, scale: float = 1.0) -> Band:
    return Band(span.nominal * scale, span.low * scale, span.high * scale)
