"""How far apart several accounts of one chip lie, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from hw_profiles.energy import POWERS
from hw_profiles.profile import Profile
from hw_profiles.report.document.answers import LayoutAnswer
from hw_profiles.report.document.costs import EnergyAccount
from hw_profiles.report.units import energy_text, time_text

Priced = tuple[Profile, LayoutAnswer]


def accounts_of_one_chip(priced: Sequence[Priced]) -> tuple[str, ...]:
    """A sentence for each chip that several profiles describe: same limits, so same placement, but other prices."""
    chips: list[list[Priced]] = []
    for profile, answer in priced:
        if profile.capacity is None or answer.energy is None or answer.placement is None:
            continue
        same = next((chip for chip in chips if chip[0][0].capacity == profile.capacity), None)
        if same is None:
            chips.append([(profile, answer)])
        else:
            same.append((profile, answer))
    return tuple(_sentence(chip) for chip in chips if len(chip) > 1)


def _sentence(chip: Sequence[Priced]) -> str:
    events = {profile.name: _events(answer.energy) for profile, answer in chip if answer.energy is not None}
    sums = {name: sum(terms.values()) for name, terms in events.items()}
    cheapest, dearest = min(sums, key=sums.__getitem__), max(sums, key=sums.__getitem__)
    apart = f"{sums[dearest] / sums[cheapest]:.2g} times apart" if sums[cheapest] else "apart"
    term = _widest(events[cheapest], events[dearest])
    return (
        f"One chip by {len(chip)} accounts, events alone: "
        + ", ".join(f"{name} {energy_text(total)}" for name, total in sums.items())
        + f"; {apart}, most of it in {term} ({energy_text(events[cheapest].get(term, 0.0))} and "
        + f"{energy_text(events[dearest].get(term, 0.0))})."
        + _times(chip)
    )


def _events(account: EnergyAccount) -> dict[str, float]:
    """Nominal energy by term, without what constant power takes."""
    return {cost.name: cost.energy.nominal for cost in account.terms if cost.name not in POWERS}


def _widest(one: dict[str, float], other: dict[str, float]) -> str:
    """The term that two accounts differ most in."""
    return max({**one, **other}, key=lambda term: abs(one.get(term, 0.0) - other.get(term, 0.0)))


def _times(chip: Sequence[Priced]) -> str:
    times = [answer.time.fall_through.nominal for _, answer in chip if answer.time is not None]
    if len(times) < len(chip):
        return ""
    return f" They take a decision to last {time_text(min(times))} to {time_text(max(times))}."
