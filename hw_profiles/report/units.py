"""Quantities as text: three significant digits in the unit that fits."""

from __future__ import annotations

from collections.abc import Sequence

ENERGIES = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))  # in pJ
DURATIONS = ((1e6, "s"), (1e3, "ms"), (1.0, "µs"), (1e-3, "ns"))  # in µs


def energy_text(picojoules: float) -> str:
    """``energy_text(2345.0) == "2.35 nJ"``."""
    return _in_fitting_unit(picojoules, ENERGIES)


def time_text(microseconds: float) -> str:
    """``time_text(1234.0) == "1.23 ms"``."""
    return _in_fitting_unit(microseconds, DURATIONS)


def number_text(value: float) -> str:
    """A count: whole above a hundred, with thousands apart, else three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == 0 else f"{value:.3g}"


def decimal_text(value: float, signed: bool = False) -> str:
    """One digit after the point, with a true minus: ``decimal_text(-0.84) == "−0.8"``."""
    return (f"{value:+.1f}" if signed else f"{value:.1f}").replace("-", "−")


def percent_text(share: float) -> str:
    """A share of one: ``percent_text(0.0123) == "1.23 %"``."""
    return f"{100 * share:.3g} %"


def fitting_unit(value: float, units: Sequence[tuple[float, str]]) -> tuple[float, str]:
    """The largest unit, with its size, that ``value`` is at least one of; else the smallest."""
    return next((entry for entry in units if abs(value) >= entry[0]), units[-1])


def _in_fitting_unit(value: float, units: Sequence[tuple[float, str]]) -> str:
    scale, unit = fitting_unit(value, units)
    scaled = value / scale
    return f"{scaled:.3g} {unit}" if abs(scaled) < 999.5 else f"{scaled:.0f} {unit}"
