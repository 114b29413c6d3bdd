"""Do SANA-FE and our account of a Loihi 1 count the same events, and what does each make of them?

    python -m benchmarks.second_account [env=NAME] [policy=FILE_OR_FOLDER] [decisions=20] [seed=5] [environment=FOLDER]

A policy runs in closed loop on the interpreter, within one episode. Its network, as our mapper places it, and the
host's currents then go to SANA-FE (GPL-3: a tool in an environment of its own, which is made in environment= the first
time), whose neurons compute their spikes anew. Without env= it takes pendulum and pen-e. It fails where a count
differs, each neuron's spikes counted by themselves; the tables have a decision's energy and time by both accounts, term
by term.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from hw_profiles.activity import ActivityCounts
from hw_profiles.chip_events import EVENTS, ChipEvents, chip_events
from hw_profiles.loader import load_profile
from hw_profiles.mapping import Objective, map_network
from hw_profiles.mapping.chip_mapping import ChipMapping
from hw_profiles.profile import Profile
from hw_profiles.report.units import energy_text, time_text
from hw_profiles.timing import estimate_time
from neuro_runtime.activity import mean_counts
from neuro_runtime.backends.program_backend import ProgramMeter
from neuro_runtime.chip_network import chip_network
from neuro_runtime.policy_files import find_policy
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.nodes import BiasLine
from neuro_runtime.program.program import Program
from neuro_runtime.program.resets import require_no_resets
from neuro_runtime.program.storage import load_program
from support.closed_loop import Recording, record_closed_loop
from support.placed_network import PlacedCounts, PlacedNetwork, placed_network
from support.sanafe import ENVIRONMENT, run_sanafe, sanafe_python

OURS, THEIRS = "loihi1-davies2018", "loihi1-sanafe"
REASONS = {
    "synop": "Davies: the least of a simulated operation; SANA-FE: a measured slope, memory and list walk inside",
    "neuron_active": "much the same; SANA-FE calls active what has input, bias or a voltage, we the T steps at work",
    "neuron_idle": "much the same",
    "spike_out": "Davies has no price beyond the update's",
    "message_out": "Davies: the router alone; SANA-FE: all that grows with messages, look-up and injection inside",
    "hop_ew": "the same figure",
    "hop_ns": "4.0 and 4.2, of one table",
}
Floats = NDArray[np.float64]


@dataclass
class Options:
    """The policies, and how long each runs."""

    env: str | None = None  # pendulum and pen-e
    policy: str | None = None  # the one that ships with the environment
    decisions: int = 20
    seed: int = 5
    environment: str = str(ENVIRONMENT)


def main(argv: list[str]) -> int:
    """Print two tables a policy."""
    options = compose(Options, argv)
    python = sanafe_python(Path(options.environment))
    different = []
    for name in [options.env] if options.env else ["pendulum", "pen-e"]:
        program = load_program(find_policy(options.policy or name).need_program())
        require_no_resets(program, "SANA-FE")
        recording = record_closed_loop(program, options.decisions, options.seed)
        comparison = _compare(name, program, recording, python)
        print(comparison.text(), "", sep="\n")
        different += comparison.different
    if different:
        raise GateFailed(f"counted differently: {', '.join(different)}")
    return 0


@dataclass(frozen=True, eq=False)
class Comparison:
    """One policy by both accounts; counts are those of all decisions together."""

    name: str
    decisions: int
    events: ChipEvents
    mapping: ChipMapping
    ours: PlacedCounts
    theirs: PlacedCounts
    spikes_apart: int
    accumulators_apart: int
    answer: dict[str, Any]

    @property
    def different(self) -> list[str]:
        """The counts on which the two differ."""
        counts = [key for key, value in asdict(self.ours).items() if asdict(self.theirs)[key] != value]
        apart = [f"{self.spikes_apart} spikes' places"] if self.spikes_apart else []
        return [f"{key} of {self.name}" for key in counts + apart]

    def text(self) -> str:
        """Both tables."""
        title = (
            f"{self.name}: {self.decisions} decisions, {len(self.mapping.cores)} cores in {self.mapping.tiles} tiles, "
            f"{self.answer['fired'].size:,} neuron-steps of which {self.spikes_apart} differ, "
            f"{self.answer['accumulators'].size} accumulators of which {self.accumulators_apart} differ"
        )
        return "\n\n".join([title, self._count_table(), self._term_table(), self._time_line()])

    def _count_table(self) -> str:
        """Counts of all decisions, by neuron and by the report's account, which spreads spikes over a population."""
        account = {
            "spikes": self.events.spikes.sum(),
            "synops": self.events.synops_into.sum(),
            "messages": self.events.messages_out.sum(),
            "hops_ew": self.events.hops_ew.sum(),
            "hops_ns": self.events.hops_ns.sum(),
        }
        theirs = asdict(self.theirs)
        rows = [
            (key, f"{ours:,}", f"{theirs[key]:,}", f"{theirs[key] - ours:,}", f"{self.decisions * account[key]:,.1f}")
            for key, ours in asdict(self.ours).items()
        ]
        return text_table([("count", "ours, by neuron", "SANA-FE", "difference", "the report's account"), *rows])

    def _term_table(self) -> str:
        """A decision's energy: our counts at both prices, and SANA-FE's own sums."""
        profiles = load_profile(OURS), load_profile(THEIRS)
        rows = [self._term(key, counts, profiles) for key, counts in _events_of(self.events).items()]
        own = {
            part: energy_text(1e12 * self.answer[f"{part}_energy"].sum() / self.decisions)
            for part in ("synapse", "soma", "network", "total")
        }
        sums = [
            energy_text(sum(count * _price(profile, key) for key, count in _events_of(self.events).items()))
            for profile in profiles
        ]
        updates = self.answer["updates"].sum() / self.decisions
        header = ("term", "a decision", OURS, THEIRS, "factor", "why")
        return "\n".join(
            [
                text_table([header, *rows, ("all events", "", *sums, "", "")], numbers=False),
                f"SANA-FE's own sums: synapses {own['synapse']}, neurons {own['soma']}, messages and hops "
                f"{own['network']}, all {own['total']}; it called {updates:,.1f} updates a decision active",
            ]
        )

    def _term(self, key: str, count: float, profiles: tuple[Profile, Profile]) -> tuple[str, ...]:
        each = [_price(profile, key) for profile in profiles]
        cells = [f"{price:g} pJ, {energy_text(count * price)}" if price else "no price" for price in each]
        factor = f"{each[1] / each[0]:.3g}" if each[0] else ""
        return EVENTS[key], f"{count:,.1f}", *cells, factor, REASONS[key]

    def _time_line(self) -> str:
        spans = []
        for name in (OURS, THEIRS, "loihi1-measured"):
            estimate = estimate_time(self.events, load_profile(name), self.mapping)
            assert estimate is not None
            parts = sum(sum(step.terms.values()) for step in estimate.steps) / 1000
            spans.append(f"{name} {time_text(estimate.decision_us.nominal)} (sum of the parts {time_text(parts)})")
        own = 1e6 * self.answer["sim_time"].sum() / self.decisions
        return f"time a decision: {', '.join(spans)}; SANA-FE {time_text(own)}"


def _events_of(events: ChipEvents) -> dict[str, float]:
    """A decision's events by the key of their price."""
    return {
        "synop": float(events.synops_into.sum()),
        "neuron_active": float(events.active_updates.sum()),
        "neuron_idle": float(events.idle_updates.sum()),
        "spike_out": float(events.spikes.sum()),
        "message_out": float(events.messages_out.sum()),
        "hop_ew": float(events.hops_ew.sum()),
        "hop_ns": float(events.hops_ns.sum()),
    }


def _price(profile: Profile, key: str) -> float:
    figure = getattr(profile.energy, key)
    return 0.0 if figure is None else float(figure.value)


def _compare(name: str, program: Program, recording: Recording, python: Path) -> Comparison:
    activity = _activity(program, recording)
    spikes = {population: counts.spikes for population, counts in activity.by_population.items()}
    mapping = map_network(chip_network(program), load_profile(THEIRS), spikes=spikes, objective=Objective.cores)
    placed = placed_network(program, mapping)
    expected = placed.raster(recording.spikes)
    answer = run_sanafe(python, placed, _injected(placed, program, recording), program.period)
    theirs = PlacedCounts(
        int(answer["fired"].sum()),
        *(round(answer[key].sum()) for key in ("synops", "messages", "hops_ew", "hops_ns")),
    )
    voltages = np.array([decision.accumulator for decision in recording.decisions]) / 2**CURRENT_SHIFT
    return Comparison(
        name,
        len(recording.decisions),
        chip_events(activity, mapping),
        mapping,
        placed.counts(expected.sum(axis=0)),
        theirs,
        int((answer["fired"] != expected).sum()),
        int((answer["accumulators"] != voltages).sum()),
        answer,
    )


def _activity(program: Program, recording: Recording) -> ActivityCounts:
    meter = ProgramMeter(program)
    return mean_counts([meter.activity(decision.spikes) for decision in recording.decisions], by_population=True)


def _injected(placed: PlacedNetwork, program: Program, recording: Recording) -> Floats:
    """The host's current into each neuron, (time steps, neurons); the bias line is driven above its threshold."""
    given = np.zeros((len(recording.currents), program.period, placed.neurons))
    for injection in program.injections:
        steps = slice(injection.delay, injection.delay + program.active_steps)
        shifted = np.floor(recording.currents * 2.0**injection.exponent)
        given[:, steps, placed.part(injection.target)] += shifted[:, None]
    for node in program.nodes:
        if isinstance(node, BiasLine):
            given[:, : program.active_steps, placed.part(node.name)] = 1.0
    return given.reshape(-1, placed.neurons)


if __name__ == "__main__":
    sys.exit(run_command(main, "second_account"))
