"""FCNet, SpikeGPT and SpikeBERT beside what their published code computes; `published/record_published.py` recorded it.

Outputs are compared before the tanh, which is ours, in float64 against the float32 of the recording.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dsf_models import PolicyNetwork, make_model, spikebert
from dsf_models.configuration import ModelConfig, ModelKind, Surrogate
from dsf_models.fcnet import FourierController
from dsf_models.spikegpt import SpikeGpt

FOLDER = Path(__file__).parent / "published"
SIZE, BLOCKS, WORDS, TOKENS, ACTIONS = 16, 2, 9, 12, 2
Arrays = dict[str, NDArray[Any]]
NAMES = {
    ModelKind.fcnet: {
        "fc0.": "embedding.",
        "fourier_layers.": "blocks.",
        ".csc.weights": ".fourier.weight",
        ".ffn.fc1.": ".hidden.",
        ".ffn.fc2.": ".project.",
        ".ln1.": ".fourier_norm.",
        ".ln2.": ".mlp_norm.",
        "fc1.": "head_hidden.",
        "fc2.": "head.",
    },
    ModelKind.spikegpt: {
        "emb.": "embedding.",
        "blocks.0.ln0.": "embedding_norm.",
        ".att.time_decay": ".attention.decay",
        ".att.time_first": ".attention.first",
        ".att.time_mix_k": ".attention.key_shift.share",
        ".att.time_mix_v": ".attention.value_shift.share",
        ".att.time_mix_r": ".attention.receptance_shift.share",
        ".ffn.time_mix_k": ".mlp.key_shift.share",
        ".ffn.time_mix_r": ".mlp.receptance_shift.share",
        ".att.": ".attention.",
        ".ffn.": ".mlp.",
        ".ln1.": ".attention_norm.",
        ".ln2.": ".mlp_norm.",
        "ln_out.": "last_norm.",
    },
    ModelKind.spikebert: {
        "emb.": "embedding.",
        ".attn.q_m.": ".attention.query.linear.",
        ".attn.q_ln.": ".attention.query.norm.",
        ".attn.k_m.": ".attention.key.linear.",
        ".attn.k_ln.": ".attention.key.norm.",
        ".attn.v_m.": ".attention.value.linear.",
        ".attn.v_ln.": ".attention.value.norm.",
        ".attn.last_m.": ".attention.project.linear.",
        ".attn.last_ln.": ".attention.project.norm.",
        ".mlp.fc1.": ".hidden.linear.",
        ".mlp.ln1.": ".hidden.norm.",
        ".mlp.fc2.": ".project.linear.",
        ".mlp.ln2.": ".project.norm.",
        "last_ln.": "last_norm.",
        "classifier.": "head.",
    },
}


def recorded(kind: ModelKind) -> Arrays:
    with np.load(FOLDER / f"{kind.value}.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def ours(kind: ModelKind, arrays: Arrays, observations: int) -> PolicyNetwork:
    """The network with the recorded weights; a word is a state that is 1 at its place, without action or return."""
    config = ModelConfig(
        kind=kind,
        embedding_size=SIZE,
        blocks=BLOCKS,
        heads=2,
        context=TOKENS,
        modes=4,
        time_steps=4,
        mlp_ratio=4 if kind is ModelKind.spikegpt else 1,
        beta=0.5,
        threshold=1.0,
        surrogate=Surrogate.arctangent,
    )
    model = make_model(config, observations, ACTIONS).double().eval()
    state = model.state_dict()
    given = {
        our_name(kind, name.removeprefix("weight/")): torch.from_numpy(array).double()
        for name, array in arrays.items()
        if name.startswith("weight/")
    }
    if "embedding.bias" not in given:  # words have vectors, by rows
        vectors = given["embedding.weight"].T
        given["embedding.weight"] = nn.functional.pad(vectors, (0, ACTIONS + 1))
        given["embedding.bias"] = torch.zeros(SIZE)
    model.load_state_dict({name: given.pop(name).reshape(value.shape) for name, value in state.items()})
    assert not given
    return model


def our_name(kind: ModelKind, name: str) -> str:
    return re.sub("|".join(map(re.escape, NAMES[kind])), lambda found: NAMES[kind][found[0]], name)


def before_tanh(model: PolicyNetwork, compute: Callable[[], object]) -> Tensor:
    """The head's outputs meanwhile."""
    outputs: list[Tensor] = []
    head = model.get_submodule("head")
    handle = head.register_forward_hook(lambda module, given, output: outputs.append(output))
    with torch.no_grad():
        compute()
    handle.remove()
    return torch.stack(outputs, dim=1) if len(outputs) > 1 else outputs[0]


def text(arrays: Arrays) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens of a text: (1, TOKENS, ·)."""
    states = nn.functional.one_hot(torch.from_numpy(arrays["inputs"]), WORDS).double()[None]
    return states, torch.zeros(1, TOKENS, ACTIONS).double(), torch.zeros(1, TOKENS, 1).double()


def real(batch: int, tokens: int) -> Tensor:
    return torch.ones(batch, tokens, dtype=torch.bool)


def test_fcnets_window_and_stream_are_the_published_ones() -> None:
    arrays = recorded(ModelKind.fcnet)
    model = ours(ModelKind.fcnet, arrays, observations=4)
    assert isinstance(model, FourierController)
    inputs = torch.from_numpy(arrays["inputs"]).double()
    parts = torch.split(inputs, [4, 2, 1], dim=-1)
    window = before_tanh(model, lambda: model(*(part[:, :TOKENS] for part in parts), real(2, TOKENS)))
    assert np.allclose(window.numpy(), arrays["window"], atol=1e-5)
    longer = before_tanh(model, lambda: model(*parts, real(2, 2 * TOKENS)))
    assert np.allclose(longer.numpy(), arrays["stream"], atol=1e-5)

    def stream() -> None:
        state = model.start(2)
        for token in inputs.unbind(1):
            _, state = model.step(token, state)

    assert np.allclose(before_tanh(model, stream).numpy(), arrays["stream"], atol=1e-5)


def test_spikegpts_window_and_stream_are_the_published_recurrence() -> None:
    arrays = recorded(ModelKind.spikegpt)
    model = ours(ModelKind.spikegpt, arrays, observations=WORDS)
    assert isinstance(model, SpikeGpt)
    given = text(arrays)
    spikes: dict[str, Tensor] = {}
    window = before_tanh(model, lambda: model(*given, real(1, TOKENS), spikes))
    assert np.allclose(window[0].numpy(), arrays["outputs"], atol=1e-5)
    assert all(0 < layer.mean() < 1 for layer in spikes.values())

    def stream() -> None:
        state = model.start(1)
        for token in torch.cat(given, dim=-1).unbind(1):
            _, state = model.step(token, state)

    assert np.allclose(before_tanh(model, stream)[0].numpy(), arrays["outputs"], atol=1e-5)


@pytest.fixture
def unmasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each token see all, as published."""
    monkeypatch.setattr(spikebert, "visible", lambda scores: scores)


@pytest.mark.usefixtures("unmasked")
def test_spikebert_without_its_causal_mask_is_the_published_network() -> None:
    arrays = recorded(ModelKind.spikebert)
    model = ours(ModelKind.spikebert, arrays, observations=WORDS)
    spikes: dict[str, Tensor] = {}
    answers = before_tanh(model, lambda: model(*text(arrays), real(1, TOKENS), spikes))
    assert np.array_equal(sums_after(spikes, 0), arrays["block0"])
    assert np.array_equal(sums_after(spikes, 1), arrays["block1"])
    assert np.allclose(answers.reshape(TOKENS, -1).mean(0).numpy(), arrays["outputs"].mean(0), atol=1e-5)
    assert all(0 < layer.mean() < 1 for layer in spikes.values())


def test_the_causal_mask_changes_nothing_for_who_sees_all_anyway() -> None:
    """That is the last token after one block, and a first token by itself."""
    arrays = recorded(ModelKind.spikebert)
    model = ours(ModelKind.spikebert, arrays, observations=WORDS)
    spikes: dict[str, Tensor] = {}
    answers = before_tanh(model, lambda: model(*text(arrays), real(1, TOKENS), spikes))
    masked, published = sums_after(spikes, 0), arrays["block0"]
    assert np.array_equal(masked[:, -1], published[:, -1])
    assert not np.array_equal(masked[:, :-1], published[:, :-1])
    assert np.allclose(answers.reshape(TOKENS, -1)[0].numpy(), arrays["first"].mean(0), atol=1e-5)


def sums_after(spikes: dict[str, Tensor], block: int) -> NDArray[Any]:
    """A token's whole numbers after a block, (T, tokens, D)."""
    total = spikes["embedding"].clone()
    for index in range(block + 1):
        total += spikes[f"block{index}.attention.project"] + spikes[f"block{index}.mlp.project"]
    return total.numpy()
