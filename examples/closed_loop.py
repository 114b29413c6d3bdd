"""A shipped policy in closed loop, decision by decision, with what each of them made the spiking network do.

    python examples/closed_loop.py [ENVIRONMENT] [BACKEND]

`pendulum` on the numpy interpreter by default, which needs neither PyTorch nor Lava.
"""

from __future__ import annotations

import sys

from dsf_common.exit_status import run_command
from neuro_runtime import load_policy
from neuro_runtime.environments import load_environment_spec, make_environment, normalised_score


def main(argv: list[str]) -> int:
    """Steer one episode."""
    name, backend = [*argv, *("pendulum", "interpreter")[len(argv) :]]
    spec, environment = load_environment_spec(name), make_environment(name)
    observation, _ = environment.reset(seed=0)
    reward, episode_return, decisions, over = 0.0, 0.0, 0, False
    spikes = synops = 0
    with load_policy(name, backend=backend) as policy:
        policy.reset()
        while not over:
            action = policy.act(observation, reward, normalised=True)
            spikes += sum(policy.activity.spikes.values())
            synops += sum(policy.activity.synops.values())
            observation, earned, terminated, truncated, _ = environment.step(action)
            reward = float(earned)
            episode_return += reward
            decisions += 1
            over = terminated or truncated
    environment.close()
    score = normalised_score(spec, episode_return)
    print(f"{name} on {backend}: return {episode_return:.1f}, normalised score {score:.1f}")
    print(f"{spikes / decisions:.0f} spikes and {synops / decisions:.0f} synaptic operations a decision")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main, "closed_loop"))
