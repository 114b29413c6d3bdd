"""The gain of fine-tuning through Loihi's weights: the policy in float, rounded after training, and fine-tuned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dsf_common.progress import Progress
from dsf_export.rounded_model import QuantisedDSFormer
from dsf_models import PolicyNetwork
from dsf_models.checkpoint import PolicyModel
from dsf_models.quantisation import Quantisation
from dsf_train.evaluation import Scores, evaluate
from dsf_train.sampling import Batch
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.program.weight_format import WeightFormat


@dataclass(frozen=True)
class Gain:
    """Scores of one return target, each on the same episodes.

    Attributes
    ----------
    unrounded, rounded
        The policy that fine-tuning began with, in float and rounded.
    tuned
        The fine-tuned policy, rounded.
    rounded_spikes, tuned_spikes
        The share of (neuron, time step) in which both fire, among those in which the rounded policy or the unrounded
        one does.
    """

    weight_format: WeightFormat
    unrounded: Scores
    rounded: Scores
    tuned: Scores
    rounded_spikes: float
    tuned_spikes: float

    @property
    def difference(self) -> Scores:
        """Fine-tuned − rounded, episode by episode."""
        return Scores(
            self.tuned.return_target,
            self.tuned.returns - self.rounded.returns,
            self.tuned.scores - self.rounded.scores,
        )

    def stages(self) -> dict[str, Scores]:
        """The three, by name."""
        return {"unrounded": self.unrounded, "rounded": self.rounded, "tuned": self.tuned}


def measure_gains(start: PolicyModel, tuned: PolicyModel, final: Sequence[Scores], batch: Batch) -> Iterator[Gain]:
    """One gain a return target.

    Parameters
    ----------
    start, tuned
        The policy that fine-tuning began with, and what it ended with.
    final
        The scores of ``tuned``, by return target.
    batch
        The tokens that spikes are compared on.
    """
    quantisation = tuned.quantisation
    assert quantisation is not None  # it was fine-tuned
    rounded = replace(start, model=_rounded(start.model, quantisation))
    spikes = [
        shared_spikes(start.model, model, batch) for model in (rounded.model, _rounded(tuned.model, quantisation))
    ]
    for scores in final:
        unrounded_scores, rounded_scores = (_scores(policy, scores) for policy in (start, rounded))
        yield Gain(quantisation.weight_format, unrounded_scores, rounded_scores, scores, *spikes)


def shared_spikes(one: PolicyNetwork, other: PolicyNetwork, batch: Batch) -> float:
    """The share of (neuron, time step) of a batch in which both models fire, among those in which either does."""
    first, second = (_spikes(model, batch) for model in (one, other))
    both = sum(float((first[name] * second[name]).sum()) for name in first)
    either = sum(float(torch.maximum(first[name], second[name]).sum()) for name in first)
    return both / either if either else 1.0


def gain_metrics(gain: Gain) -> dict[str, float]:
    """A gain as metrics."""
    prefix = f"gain/{gain.tuned.return_target:g}"
    values = {
        f"{prefix}/shared_spikes/rounded": gain.rounded_spikes,
        f"{prefix}/shared_spikes/tuned": gain.tuned_spikes,
    }
    for name, scores in {**gain.stages(), "difference": gain.difference}.items():
        values |= {f"{prefix}/{name}/mean": scores.mean, f"{prefix}/{name}/standard_error": scores.standard_error}
    return values


def gain_table(gain: Gain) -> str:
    """For a person to read."""
    weight_format, episodes = gain.weight_format, len(gain.tuned.scores)
    matrix = "1 exponent" if weight_format.exponents == 1 else f"up to {weight_format.exponents} exponents"
    title = (
        f"weights of {weight_format.bits} bits with {matrix} a matrix; {episodes} episodes, "
        f"return target {gain.tuned.return_target:g}"
    )
    rows = (
        ("float", gain.unrounded, "100.0 %"),
        ("rounded after training", gain.rounded, f"{gain.rounded_spikes:.1%}"),
        ("fine-tuned, rounded", gain.tuned, f"{gain.tuned_spikes:.1%}"),
        ("gained, paired", gain.difference, ""),
    )
    lines = [f"{name:<24}{scores.mean:7.1f}{_error(scores):<7}{share:>16}" for name, scores, share in rows]
    return "\n".join([title, f"{'':<24}{'score':>14}{'float spikes':>16}", *(line.rstrip() for line in lines)])


def _error(scores: Scores) -> str:
    """The standard error beside a mean; none of a single episode."""
    return f" ± {scores.standard_error:.1f}" if len(scores.scores) > 1 else ""


def _rounded(model: PolicyNetwork, quantisation: Quantisation) -> QuantisedDSFormer:
    return QuantisedDSFormer.of(model, quantisation).eval()


def _scores(policy: PolicyModel, like: Scores) -> Scores:
    spec = load_environment_spec(policy.environment)
    with Progress(spec.time_limit, "evaluate, before", "step") as progress:
        return evaluate(policy, spec, like.return_target, len(like.scores), on_step=progress.update)


def _spikes(model: PolicyNetwork, batch: Batch) -> dict[str, Tensor]:
    spikes: dict[str, Tensor] = {}
    batch = batch.to(next(model.parameters()).device)
    with torch.no_grad():
        model.eval()(batch.states, batch.previous_actions, batch.returns_to_go, batch.mask, spikes)
    return {name: layer.cpu() for name, layer in spikes.items()}
