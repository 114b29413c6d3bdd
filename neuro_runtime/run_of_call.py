"""A run as it was called for: a policy in closed loop on any backend, counted, priced and saved."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dsf_common.documents import print_document
from dsf_common.errors import STOPS, Terminated, UserError
from dsf_common.extras import missing_library
from dsf_common.key_value_options import compose
from dsf_common.progress import Progress
from hw_profiles.chip_arithmetic import Extreme
from hw_profiles.loader import load_profiles
from hw_profiles.network import ContextLayout
from hw_profiles.pricing import check_prices_runs, price
from hw_profiles.profile import Profile
from hw_profiles.raster_file import SpikeRaster
from hw_profiles.report.write import folder_of_report, write_report
from neuro_runtime.activity import mean_counts
from neuro_runtime.backends.base import Backend, BatchBackend
from neuro_runtime.backends.checked import CheckedBackend, compared_by_default
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.backends.registry import default_backend, open_backend
from neuro_runtime.backends.sample_backend import SampleBackend
from neuro_runtime.chip_network import chip_network
from neuro_runtime.environments import EnvironmentSpec, load_environment_spec, make_environment
from neuro_runtime.environments.closing import closing
from neuro_runtime.environments.make import require_memory_for
from neuro_runtime.episodes.policy_lanes import PolicyLanes
from neuro_runtime.episodes.replay import replay_raster
from neuro_runtime.episodes.rollout import Rollout, check_sizes, nothing, run_episodes, run_episodes_in_lanes
from neuro_runtime.episodes.trial import try_environment
from neuro_runtime.episodes.video import check_video, film, render_without_display
from neuro_runtime.policy import Policy
from neuro_runtime.policy_files import PolicyFiles, find_policy, shipped_policy
from neuro_runtime.program.extremes import extremes
from neuro_runtime.program.program import Program, SpikingProgram
from neuro_runtime.program.provenance import context_of
from neuro_runtime.records.conversion_stages import ConversionStages, conversion_stages
from neuro_runtime.records.run_folder import run_folder, save_run
from neuro_runtime.records.run_summary import RunSummary, dead_layers, provenance_of
from neuro_runtime.run_options import DEFAULT_PROFILES, RunConfiguration
from neuro_runtime.samples_of_call import carry_out_samples
from neuro_runtime.simulators.co_simulation import ComparesSimulators
from neuro_runtime.simulators.state_peaks import StatePeaks, WatchesStates
from neuro_runtime.sources import OPTIONS as SOURCE_OPTIONS

logger = logging.getLogger(__name__)

Stop = UserError | KeyboardInterrupt | Terminated  # one of STOPS
MOST_LANES = 32  # environments take memory, and a batch gains little beyond


def carry_out(arguments: argparse.Namespace, command: str) -> None:
    """Do what ``dsf-run`` was asked for by ``command``.

    Raises
    ------
    UserError
        See :func:`run_policy`, or a library that reports need is not installed.
    GateFailed
        ``--check`` found a difference.
    """
    source_options = [pair for pair in arguments.overrides if pair.partition("=")[0] in SOURCE_OPTIONS]
    configuration = compose(RunConfiguration, [pair for pair in arguments.overrides if pair not in source_options])
    if configuration.input is not None:
        carry_out_samples(arguments, configuration, source_options, command)
        return
    if source_options:
        raise UserError(
            f"{source_options[0]} says how a file of another framework is read: give input=FILE.npz with it"
        )
    reports = arguments.report is not None
    report = folder_of_report(arguments.report)
    saved = run_policy(
        configuration,
        default_backend() if arguments.backend is None else arguments.backend,
        arguments.profile or DEFAULT_PROFILES,
        check=arguments.check,
        video=arguments.video,
        compare_stages=reports,
        command=command,
    )
    _warn_of_dead_layers(saved.summary.rollout)
    _warn_of_overflow(saved.summary.states)
    written = [f"saved {saved.folder}" + (f", film {arguments.video}" if arguments.video else "")]
    if reports:
        written.append(f"report {write_report(saved.folder, arguments.profile or (), report).page}")
    if arguments.json:
        print_document(saved.summary.document())
    else:
        print(saved.summary.text(), "\n".join(written), sep="\n\n")


@dataclass(frozen=True)
class SavedRun:
    """A run and the folder that it lies in."""

    folder: Path
    summary: RunSummary


def run_policy(
    configuration: RunConfiguration,
    backend: str,
    profiles: Sequence[str],
    *,
    command: str,
    check: str | None = None,
    video: Path | None = None,
    compare_stages: bool = False,
) -> SavedRun:
    """Run a policy in closed loop, price it and save the run.

    Parameters
    ----------
    profiles
        Names or files of the profiles that price it.
    command
        The call that made the run, kept with it.
    check
        The simulator that runs beside the backend, so that the first difference ends the run; an empty name is the
        one that suits the backend.
    video
        The file of a film of the episodes.
    compare_stages
        Whether the trained model, if it is there, runs on the same episodes.

    Raises
    ------
    UserError
        The policy, environment, backend or a profile cannot be had.
    GateFailed
        ``check`` found a difference.
    """
    loaded = load_profiles(profiles)
    for profile in loaded:
        check_prices_runs(profile)
    if video:
        check_video(video)
        render_without_display()
    files = _policy_files(configuration)
    with Policy(_open(backend, files, check)) as policy:
        spec = _environment_spec(configuration, policy)
        configuration = _with_reward_delay(configuration, policy)
        delayed = bool(configuration.delayed_reward)
        try_environment(spec, "rgb_array" if video else None, delayed, policy.action_bounds)
        with run_folder(spec.name, backend, configuration.out) as folder:
            ended: list[Rollout] = []
            problem: Stop | None = None
            try:
                rollout = _run(policy, spec, configuration, video, on_stop=ended.append)
            except STOPS as stop:
                if not ended:
                    raise
                (rollout,), problem, compare_stages = ended, stop, False
            _warn_of_clipping(policy, rollout)
            _warn_of_returns(policy, rollout)
            stages = _stages(policy, backend, files, rollout, spec, configuration) if compare_stages else None
            summary = _summary(backend, policy, files, rollout, loaded, stages, command, delayed)
            save_run(folder, summary)
    if problem is not None:
        raise _stopped(problem, len(rollout.episodes), folder) from problem
    return SavedRun(folder, summary)


def _stopped(problem: Stop, episodes: int, folder: Path) -> Stop:
    saved = f"the {episodes} episode{'s' * (episodes > 1)} that had ended are a run of their own, {folder}"
    return type(problem)(f"{problem}; {saved}" if str(problem) else saved)


def _policy_files(configuration: RunConfiguration) -> PolicyFiles:
    if configuration.policy is not None:
        return find_policy(configuration.policy)
    if configuration.env is not None:
        return shipped_policy(load_environment_spec(configuration.env).name)
    raise UserError("say what to run: env=NAME for a shipped policy, or policy=FILE")


def _open(name: str, files: PolicyFiles, check: str | None) -> Backend:
    if check is None:
        return open_backend(name, files)
    try:
        return CheckedBackend(files, name, check or compared_by_default(name))
    except ModuleNotFoundError as error:
        raise missing_library("--check", error) from error


def _environment_spec(configuration: RunConfiguration, policy: Policy) -> EnvironmentSpec:
    spec = load_environment_spec(configuration.env or policy.environment)
    check_sizes(policy, spec)
    if spec.name != policy.environment:
        logger.warning("this policy was trained for %s and runs in %s", policy.environment, spec.name)
    return spec


def _with_reward_delay(configuration: RunConfiguration, policy: Policy) -> RunConfiguration:
    """The configuration with its reward paid as the policy was trained, unless it says otherwise, which is told."""
    trained, asked = policy.delayed_reward, configuration.delayed_reward
    if asked is None and trained:
        logger.info("this policy was trained with delayed reward, so each episode's is paid with its last step")
    elif asked is not None and asked != trained:
        with_or_without = "with" if trained else "without"
        logger.warning(
            "this policy was trained %s delayed reward and is run with delayed_reward=%s: its score is of another task",
            with_or_without,
            str(asked).lower(),
        )
    return replace(configuration, delayed_reward=trained if asked is None else asked)


def _run(
    policy: Policy,
    spec: EnvironmentSpec,
    configuration: RunConfiguration,
    video: Path | None,
    on_stop: Callable[[Rollout], object] = nothing,
) -> Rollout:
    """Run the episodes, with progress shown, and a film where one is wanted."""
    lanes = _lanes(policy, configuration, video)
    with ExitStack() as stack:
        render_mode, delayed = "rgb_array" if video else None, bool(configuration.delayed_reward)
        require_memory_for(lanes)
        environments = [
            make_environment(spec.name, render_mode, delayed_reward=delayed, action_bounds=policy.action_bounds)
            for _ in range(lanes)
        ]
        stack.enter_context(closing(*environments))
        if video:
            environments = [stack.enter_context(film(video, *environments))]
        progress = stack.enter_context(Progress(configuration.episodes * spec.time_limit, spec.name, "decision"))
        target = policy.return_target if configuration.return_target is None else configuration.return_target
        if lanes > 1 and isinstance(policy.backend, BatchBackend):
            run = partial(run_episodes_in_lanes, PolicyLanes(policy.backend, lanes), environments, spec)
        else:
            run = partial(run_episodes, policy, environments[0], spec)
        return run(
            episodes=configuration.episodes,
            seed=configuration.seed,
            return_target=target,
            on_step=progress.update,
            on_stop=on_stop,
        )


def _summary(
    backend: str,
    policy: Policy,
    files: PolicyFiles,
    rollout: Rollout,
    profiles: Sequence[Profile],
    stages: ConversionStages | None,
    command: str,
    delayed_reward: bool,
) -> RunSummary:
    """Everything that is said of the run; of a run of a program also its network and the spikes of one decision."""
    program = _program(policy)
    network = chip_network(program) if program is not None and program.arithmetic == "loihi" else None
    counts = mean_counts(rollout.activities, by_population=network is not None)
    layout: ContextLayout = "stream" if program is not None else "window"  # the trained model recomputes its context
    return RunSummary(
        backend=backend,
        rollout=rollout,
        priced=[price(counts, network, profile, layout) for profile in profiles],
        layout=layout,
        provenance=provenance_of(files),
        command=command,
        observation_size=policy.observation_size,
        action_size=policy.action_size,
        states=policy.backend.state_peaks if isinstance(policy.backend, WatchesStates) else [],
        extremes=_extremes(policy.backend),
        comparison=policy.backend.result if isinstance(policy.backend, ComparesSimulators) else None,
        network=network,
        context=context_of(program) if isinstance(program, Program) else None,
        raster=_raster(program, rollout, delayed_reward) if isinstance(program, Program) else None,
        stages=stages,
        protocol=policy.protocol,
    )


def _extremes(backend: Backend) -> list[Extreme]:
    """The most extreme numbers of the program that the backend runs; none of one in float."""
    if not isinstance(backend, ProgramBackend) or backend.program.arithmetic != "loihi":
        return []
    return extremes(backend.program, observed=backend.arrival_peaks)


def _program(policy: Policy) -> SpikingProgram | None:
    """The program that the backend runs; None if that is the trained model."""
    return policy.backend.program if isinstance(policy.backend, ProgramBackend | SampleBackend) else None


def _raster(program: Program, rollout: Rollout, delayed_reward: bool) -> SpikeRaster | None:
    bounds = program.action_bounds
    environment = make_environment(rollout.environment, delayed_reward=delayed_reward, action_bounds=bounds)
    with closing(environment):
        return replay_raster(program, environment, rollout.episodes[0], rollout.return_target)


def _stages(
    policy: Policy,
    backend: str,
    files: PolicyFiles,
    rollout: Rollout,
    spec: EnvironmentSpec,
    configuration: RunConfiguration,
) -> ConversionStages:
    """The run between the stages of its policy's conversion: the trained model is run over the same episodes."""

    def run_float() -> list[float]:
        with Policy(open_backend("torch", files)) as model:
            floating = _run(model, spec, replace(configuration, lanes=None, return_target=rollout.return_target), None)
        return [episode.score for episode in floating.episodes]

    program = _program(policy)
    arithmetic = None if program is None else program.arithmetic
    return conversion_stages(backend, arithmetic, [episode.score for episode in rollout.episodes], run_float)


def _lanes(policy: Policy, configuration: RunConfiguration, video: Path | None) -> int:
    """How many environments to step at once.

    Raises
    ------
    UserError
        Several were asked for where only one can be.
    """
    if video or not isinstance(policy.backend, BatchBackend):
        if (configuration.lanes or 1) > 1:
            why = "a film is of one environment" if video else "this backend steers one environment at a time"
            raise UserError(f"lanes={configuration.lanes} is too many: {why}")
        return 1
    return min(configuration.episodes, configuration.lanes or MOST_LANES)


def _warn_of_dead_layers(rollout: Rollout) -> None:
    if dead := dead_layers(rollout):
        logger.warning("never fired in the whole run: %s", ", ".join(dead))


def _warn_of_clipping(policy: Policy, rollout: Rollout) -> None:
    if clipped := policy.clipped_inputs:
        inputs = len(rollout.seconds) * policy.observation_size
        logger.warning(
            "%s of %s observed numbers were clipped: training saw none as far off", f"{clipped:,}", f"{inputs:,}"
        )


def _warn_of_returns(policy: Policy, rollout: Rollout) -> None:
    """Episodes that earned so much, or so little, that what was left to earn was no return-to-go of the training."""
    protocol = policy.protocol
    if protocol is None or protocol.is_far(rollout.return_target):
        return
    left = [rollout.return_target - episode.total_reward for episode in rollout.episodes]
    if far := [return_to_go for return_to_go in left if protocol.is_far(return_to_go)]:
        logger.warning(
            "%d of %d episodes left the returns-to-go of the training, which are of the order of %g: the last one of "
            "an episode was %g; is the reward in the unit of the training data?",
            len(far),
            len(left),
            protocol.largest_return,
            max(far, key=abs),
        )


def _warn_of_overflow(states: Sequence[StatePeaks]) -> None:
    if overflown := [node.node for node in states if node.bits_left < 0]:
        logger.warning("states did not fit Loihi's 24 bits, so the answers are wrong: %s", ", ".join(overflown))
