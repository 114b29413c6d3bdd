"""Does Lava's fixed-point simulator do what the interpreter defines? Closed-loop episodes, every spike and state.

    python -m benchmarks.loihi_sim_exactness [env=NAME] [policy=FILE_OR_FOLDER] [episodes=3] [seed=10000]

Every decision runs on both, and Lava's steers. Without env= it does so for pen-e and for pendulum.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from tqdm import tqdm

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.episodes.rollout import Rollout, run_episodes
from neuro_runtime.policy import Policy
from neuro_runtime.policy_files import find_policy
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.co_simulation import CoSimulation, CoSimulationResult
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession


@dataclass
class Options:
    """The policies to compare, and their episodes."""

    env: str | None = None  # pen-e, then pendulum
    policy: str | None = None  # the one that ships with the environment
    episodes: int = 3
    seed: int = 10_000


def main(argv: list[str]) -> int:
    """Run the episodes and print how much was compared."""
    options = compose(Options, argv)
    exact = True
    for name in [options.env] if options.env else ["pen-e", "pendulum"]:
        rollout, result = _run(name, options)
        print(_report(rollout, result), flush=True)
        exact &= result.first_difference is None
    if not exact:
        raise GateFailed("Lava and the interpreter differ")
    return 0


def _run(name: str, options: Options) -> tuple[Rollout, CoSimulationResult]:
    spec, environment = load_environment_spec(name), make_environment(name)
    program = load_program(find_policy(options.policy or name).need_program())
    with LavaSession(program, record_states=True) as session, tqdm(desc=name, unit="decision") as progress:
        co_simulation = CoSimulation(program, Interpreter(program), session, ("the interpreter", "Lava"))
        rollout = run_episodes(
            Policy(ProgramBackend(program, co_simulation)),
            environment,
            spec,
            episodes=options.episodes,
            seed=options.seed,
            return_target=program.return_target,
            on_step=lambda: progress.update(),
        )
    environment.close()
    return rollout, co_simulation.result


def _report(rollout: Rollout, result: CoSimulationResult) -> str:
    lines = [
        f"{rollout.environment}: {len(rollout.episodes)} episodes, {result.decisions} decisions, "
        f"score {rollout.score.mean:.1f}",
        f"  spikes compared, one for every neuron and time step  {result.compared:>13,}",
        f"  of which fired                                       {result.fired:>13,}",
        f"  different                                            {result.different:>13,}",
        f"  currents and voltages compared                       {result.states_compared:>13,}",
        f"  different                                            {result.states_different:>13,}",
    ]
    if result.first_difference:
        lines.append(f"  first: {result.first_difference}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run_command(main, "loihi_sim_exactness"))
