"""The writer of a file by its numbers: r, w_in and the size of its time constants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_export.sources.source_graph import SourceGraph

Array = NDArray[np.float64]
ALIKE = 1e-4  # relatively, since parameters are float32


@dataclass(frozen=True)
class Fingerprint:
    """The numbers' verdict; None where they tell nothing."""

    framework: str | None
    dt: float | None


def fingerprint(graph: SourceGraph, framework: str | None) -> Fingerprint:
    """The framework and the time step, as far as the numbers tell.

    - r = τ/dt (and w_in = τ_syn/dt) of one dt everywhere: snnTorch, SpikingJelly. The dt is told, the writer is not.
    - r = τ·exp(−dt/τ)/dt of one dt, for several τ: Rockpool.
    - r = 1 with τ of one unit or more: sinabs, which counts in steps.
    - r = 1 with τ between 1 and 100 µs: norse.

    Raises
    ------
    UserError
        Rockpool is named, and r tells no dt.
    """
    taus, gains = _pairs(graph, of_synapses=framework != "rockpool")
    if not len(taus):
        dt = _of_integrators(graph) if framework == "spikingjelly" else None
        return Fingerprint(None, dt)
    if framework == "rockpool":
        return Fingerprint(None, _dt_of_rockpool(taus, gains))
    if framework is None and len(np.unique(np.round(taus, 9))) > 1:
        solved = _solve_rockpool(taus, gains)
        if np.isfinite(solved).all() and np.ptp(solved) < ALIKE * solved.mean() and not _is_one_step(taus, gains):
            return Fingerprint("rockpool", float(np.median(solved)))
    if np.allclose(gains, 1, rtol=1e-6):
        if framework in (None, "sinabs") and (taus >= 1).all():
            return Fingerprint("sinabs", None)
        if framework is None and (taus >= 1e-6).all() and (taus <= 1e-4).all():
            return Fingerprint("norse", None)
        return Fingerprint(None, None)
    if framework in (None, "spikingjelly", "snntorch", "lava") and _is_one_step(taus, gains):
        return Fingerprint(None, _short(float(np.median(taus / gains))))
    return Fingerprint(None, None)


def _pairs(graph: SourceGraph, of_synapses: bool) -> tuple[Array, Array]:
    """Every time constant beside the gain that goes with it, those ``of_synapses`` where they are wanted."""
    taus, gains = [np.zeros(0)], [np.zeros(0)]
    names = [("tau", "r"), ("tau_mem", "r"), *([("tau_syn", "w_in")] if of_synapses else [])]
    for node in graph.of_kind("LIF", "LI", "CubaLIF", "CubaLI"):
        given = node.parameters
        for tau, gain in ((given[tau], given[gain]) for tau, gain in names if tau in given and gain in given):
            if 1 not in (tau.size, gain.size) and tau.size != gain.size:
                continue  # refused by its node's name when its shapes are looked at
            pair = np.broadcast_arrays(tau.astype(np.float64).reshape(-1), gain.astype(np.float64).reshape(-1))
            if all((values > 0).all() and np.isfinite(values).all() for values in pair):
                taus.append(pair[0])
                gains.append(pair[1])
    return np.concatenate(taus), np.concatenate(gains)


def _of_integrators(graph: SourceGraph) -> float | None:
    rates = np.concatenate(
        [np.zeros(0), *(node.parameters["r"].astype(np.float64).reshape(-1) for node in graph.of_kind("IF"))]
    )
    if len(rates) and (rates > 0).all() and np.ptp(rates) < ALIKE * rates.mean():
        return _short(1 / float(rates[0]))
    return None


def _is_one_step(taus: Array, gains: Array) -> bool:
    steps = taus / gains
    return bool(np.ptp(steps) < ALIKE * steps.mean())


def _dt_of_rockpool(taus: Array, gains: Array) -> float:
    solved = _solve_rockpool(taus, gains)
    if not np.isfinite(solved).all() or np.ptp(solved) > 1e-3 * solved.mean():
        raise UserError("from=rockpool, but the r of its neurons are not τ·exp(−dt/τ)/dt of one dt: give dt=SECONDS")
    return _short(float(np.median(solved)))


def _solve_rockpool(taus: Array, gains: Array) -> Array:
    """x = dt/τ of ``exp(−x)/x = r``, by Newton's steps."""
    x = 1 / (1 + gains)
    for _ in range(50):
        x = x - (np.exp(-x) / x - gains) / (-np.exp(-x) * (x + 1) / x**2)
    return np.asarray(x * taus)


def _short(dt: float) -> float:
    """A number of few digits where it is one, since float32 blurs it."""
    return float(f"{dt:.4g}")
