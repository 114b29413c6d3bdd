"""Every option of a training run, beside its default and the reason for it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import Enum

from dsf_common.errors import UserError
from dsf_common.renamed_options import renamed
from dsf_models.configuration import ModelConfig
from dsf_train.dataset_options import DatasetOptions, Unfinished
from neuro_runtime.program.limits import FEWEST_WEIGHT_BITS, WEIGHT_BITS
from neuro_runtime.program.weight_format import MOST_EXPONENTS


class Precision(Enum):
    """The precision of the Linears' products; everything else is float32, the weights that are learned too."""

    float32 = "float32"
    tf32 = "tf32"  # GPUs': factors with 11 significant bits, sums and results in float32
    bfloat16 = (
        "bfloat16"  # those of spikes: factors and results with 8, sums in float32 (see `dsf_train.compiled_step`)
    )


class Schedule(Enum):
    """The learning rate after its warm-up."""

    cosine = "cosine"  # falls to 0
    constant = "constant"


@dataclass
class TrainConfig:
    """One run of `dsf-train`; `env=NAME` also brings the recipe `train/dsf_train/recipes/NAME.yaml` where there is
    one."""

    env: str = "???"  # a name that dsf-data list shows, of a file in $DSF_ENVIRONMENTS, or an id of Gymnasium
    # A file, a Minari folder or id, or several with commas; else D4RL's cache, Minari's, or a download.
    dataset: str | None = None
    unfinished: Unfinished = Unfinished.drop  # steps after the last end mark; keep: without a return, docs/data.md
    observation_keys: str | None = None  # parts of observations to join, with commas; else as the environment does
    # The bounds of the dataset's actions in its own unit, one or one an action with commas; else those that Minari or
    # the environment names. They become −1 … 1.
    action_low: str | None = None
    action_high: str | None = None  # goes with action_low
    input_clip: float = 10.0  # deviations from the mean at which an observation's entry is clipped; .inf: never
    delayed_reward: bool = False  # all reward at the end of an episode, in the data and in evaluation
    best_share: float = 1.0  # of the dataset's steps, those of the episodes of highest return, that training sees
    # Windows end at their episodes' last steps alone, so each holds a whole episode; where the begin decides the end.
    whole_episodes: bool = False
    name: str = "default"  # the run's folder, runs/<env>/<name>
    output: str = "runs"  # the folder of all runs
    seed: int = 0  # of initial weights, batches and dropout
    steps: int = 20_000  # of the optimiser, one batch each
    batch_size: int = 64  # windows of model.context tokens
    learning_rate: float = 1e-3  # AdamW's, at its highest
    weight_decay: float = 1e-4  # AdamW's
    raised_returns: float = 0.0  # by how much a window asks for more than was had, half-normal, scaled; 0 asks for that
    gradient_clip: float = 0.25  # largest norm of the whole gradient
    warmup_fraction: float = 0.1  # of the steps, linear
    schedule: Schedule = Schedule.cosine  # after the warm-up
    # Firing-rate initialisation: at least this of each layer at the start, by its bias, 0.1 for example; 0: as it is.
    initial_firing_rate: float = renamed(0.0, formerly="initial_rate")
    # Homeostasis: the same during training, whenever a layer has fallen silent, 0.02 for example.
    homeostasis_rate: float = renamed(0.0, formerly="least_rate")
    synop_price: float = 0.0  # of a million synops a decision of the exported program, in units of the loss
    energy_price: float = 0.0  # of a microjoule a decision that its spikes take by energy_profile, likewise
    energy_profile: str = "loihi1-davies2018"  # prices synops, spikes and a message each; dsf-report --list shows all
    norm_switch_fraction: float = 0.1  # PTBN's T_p: λ falls from 1 to 0 over this share of the steps
    evaluate_every: int = 5_000  # steps; 0 evaluates at the end alone
    evaluation_episodes: int = 20  # of each evaluation on the way
    final_episodes: int = 100  # of the evaluation at the end
    log_every: int = 50  # steps between records in metrics.jsonl
    checkpoint_every: int = 500  # steps between checkpoints, from which --resume goes on
    threads: int = 0  # 0 leaves the choice to PyTorch
    device: str = "cpu"  # or cuda, cuda:1, …
    compile: bool | None = None  # the step by torch.compile; null is on a GPU, where there is a form for it
    precision: Precision = Precision.float32  # of the Linears' products
    quantise: bool = False  # go on with a trained policy through Loihi's weights; brings recipes/quantise.yaml
    policy: str | None = None  # what quantise=true goes on with: model.pt or its folder; else the shipped policy
    quantise_bits: int = 8  # of a weight, 2 … 8; 8 seldom needs training
    quantise_exponents: int = 4  # connections, each with its own exponent, that a weight matrix may become, 1 … 8
    model: ModelConfig = field(default_factory=ModelConfig)

    @property
    def dataset_options(self) -> DatasetOptions:
        """How the user wants the dataset to be read.

        Raises
        ------
        UserError
            One bound of its actions is given without the other, or they are no bounds.
        """
        return DatasetOptions.of(self.action_low, self.action_high, self.unfinished, self.observation_keys)

    def validate(self) -> None:
        """Check what types cannot.

        Raises
        ------
        UserError
            A count is not positive, a share is outside its range, or ``energy_profile`` prices no synops.
        """
        for name in ("steps", "batch_size", "log_every", "checkpoint_every", "evaluation_episodes", "final_episodes"):
            if getattr(self, name) < 1:
                raise UserError(f"{name}={getattr(self, name)} must be at least 1.")
        for name in ("learning_rate", "gradient_clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"{name}={getattr(self, name)} must be positive and finite.")
        for name in ("warmup_fraction", "norm_switch_fraction", "initial_firing_rate", "homeostasis_rate"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{name}={getattr(self, name)} must be in [0, 1).")
        if not self.input_clip > 0:
            raise UserError(f"input_clip={self.input_clip} must be positive.")
        if not 0 < self.best_share <= 1:
            raise UserError(f"best_share={self.best_share} must be above 0 and at most 1, the whole dataset.")
        for name in (
            "seed",
            "threads",
            "evaluate_every",
            "weight_decay",
            "raised_returns",
            "synop_price",
            "energy_price",
        ):
            if not 0 <= getattr(self, name) < math.inf:
                raise UserError(f"{name}={getattr(self, name)} must be 0 or more, and finite.")
        for name in ("initial_firing_rate", "homeostasis_rate"):
            if getattr(self, name) and not self.model.kind.has_program:
                raise UserError(f"model.kind={self.model.kind.value} has no neurons; leave out {name}.")
            if getattr(self, name) and self.quantise:
                raise UserError(
                    f"quantise=true goes on with a trained policy, so no rate is raised anew; leave out {name}."
                )
        self.validate_name()
        self.model.validate()
        if self.model.kind.has_program and self.model.norm.over_batch and self._values_a_channel < 2:
            raise UserError(
                f"model.norm={self.model.norm.value} needs two values a channel, and batch_size=1 with "
                "model.context=1 and model.time_steps=1 has one; raise one of them."
            )
        self._validate_profile()
        self._validate_quantisation()

    def _validate_profile(self) -> None:
        from hw_profiles.spike_energy import spike_energy  # here, since profiles bring pydantic

        spike_energy(self.energy_profile)

    @property
    def _values_a_channel(self) -> int:
        """Values that a batch holds of each channel."""
        return self.batch_size * self.model.context * self.model.time_steps

    def validate_name(self) -> None:
        """Refuse a name that is a path.

        Raises
        ------
        UserError
            It holds more than letters, digits and . _ - + = after its first.
        """
        if not re.fullmatch(r"\w[\w.=+-]*", self.name):
            raise UserError(
                f"name={self.name} is no name of a run: give letters and digits, and . _ - + = after the first; "
                "output= names the folder of all runs."
            )

    def _validate_quantisation(self) -> None:
        if self.policy is not None and not self.quantise:
            raise UserError(f"policy={self.policy} is what quantise=true goes on with; add quantise=true.")
        for name, least, most in (
            ("quantise_bits", FEWEST_WEIGHT_BITS, WEIGHT_BITS),
            ("quantise_exponents", 1, MOST_EXPONENTS),
        ):
            if not least <= getattr(self, name) <= most:
                raise UserError(f"{name}={getattr(self, name)} must be from {least} to {most}.")
