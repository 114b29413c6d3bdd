"""The paper's "Power" row rebuilt: its eight columns at one size, by its prices, beside what it prints.

    python -m benchmarks.paper_power

Sizes are those that Decision Transformer's printed figure follows from, L = 4, D = 128, N = 100, hopper's widths. A
spiking network's figure is given for one spike of each input in a forward pass, beside the spikes that the printed
figure implies, and as it is counted in a forward pass of our own network with its initial weights, from drawn tokens.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import torch

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_models import make_model
from dsf_models.configuration import ModelConfig, ModelKind
from dsf_models.policy_network import Spikes
from dsf_models.torch_backend import window_activity
from dsf_train.configuration import TrainConfig
from dsf_train.run_options import recipe
from hw_profiles.arithmetic.paper_columns import FCNET_PUBLISHED_SIZE, Column, fcnet_macs, paper_columns
from hw_profiles.arithmetic.paper_convention import Dimensions
from hw_profiles.loader import load_profile
from hw_profiles.profile import Profile

SIZE = Dimensions()
PAPER = "cmos45-paper"
WHOLE = {"window": SIZE.tokens, "streaming": False}
COUNTED = {
    "SpikeGPT": (ModelKind.spikegpt, {}),
    "SpikeBERT": (ModelKind.spikebert, {}),
    "DSFormer, TSSA": (ModelKind.dsformer, {"mixing": "tssa", **WHOLE}),
    "DSFormer, PSSA": (ModelKind.dsformer, {"streaming": False}),
}


@dataclass
class Options:
    """None: the sizes are the paper's."""


def main(argv: list[str]) -> int:
    """Print the table, and FCNet's figure at its published size."""
    compose(Options, argv)
    profile = load_profile(PAPER)
    heads = ("", "printed", "ours", "MAC", "accumulates", "implied", "counted: MAC", "accumulates", "ours")
    units = ("", "µJ", "µJ", "million", "million", "spikes an input", "million", "million", "µJ")
    print(text_table([heads, units, *(_row(column, profile) for column in paper_columns(SIZE))]))
    wide = Column("FCNet", None, fcnet_macs(replace(SIZE, embedding=FCNET_PUBLISHED_SIZE)))
    print(
        f"\nFCNet with its published {FCNET_PUBLISHED_SIZE} channels: {wide.macs / 1e6:.1f} million MAC, "
        f"{wide.energy(profile):.1f} µJ"
    )
    return 0


def _row(column: Column, profile: Profile) -> tuple[str, ...]:
    implied = column.implied_spikes(profile)
    return (
        column.name,
        "–" if column.printed is None else f"{column.printed:g}",
        f"{column.energy(profile):.2f}",
        f"{column.macs / 1e6:.2f}",
        f"{column.accumulates / 1e6:.2f}" if column.accumulates else "–",
        "–" if implied is None else f"{implied:.2f}",
        *_counted(column.name, profile),
    )


def _counted(name: str, profile: Profile) -> tuple[str, str, str]:
    """Multiply-accumulates, accumulates and µJ of a forward pass of our network; none for what does not spike."""
    if name not in COUNTED:
        return "–", "–", "–"
    kind, settings = COUNTED[name]
    published = compose(TrainConfig, ["env=hopper-m-e", *recipe(kind.value), f"model.kind={kind.value}"]).model
    sizes = {"embedding_size": SIZE.embedding, "blocks": SIZE.layers, "context": SIZE.tokens}
    config: ModelConfig = replace(published, **sizes, **settings)  # type: ignore[arg-type]
    torch.manual_seed(0)
    model = make_model(config, SIZE.observation, SIZE.action).eval()
    tokens = [torch.randn(1, SIZE.tokens, width) for width in (SIZE.observation, SIZE.action, 1)]
    spikes: Spikes = {}
    with torch.no_grad():
        model(*tokens, torch.ones(1, SIZE.tokens, dtype=torch.bool), spikes)
    activity = window_activity(model, spikes, SIZE.tokens)
    adds = sum(activity.synops.values())
    energy = Column(name, None, activity.host_macs, adds).energy(profile)
    return f"{activity.host_macs / 1e6:.2f}", f"{adds / 1e6:.2f}", f"{energy:.1f}"


if __name__ == "__main__":
    sys.exit(run_command(main, "paper_power"))
