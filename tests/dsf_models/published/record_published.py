"""Record what the published code of FCNet, SpikeGPT and SpikeBERT computes from drawn weights and inputs.

    RWKV_JIT_ON=0 python -m tests.dsf_models.published.record_published fcnet|spikegpt|spikebert FOLDER_OF_ITS_CLONE

    github.com/thkkk/FCNet          418cbed35d21fb82772119f820d5ffcc65e06590
    github.com/ridgerchu/SpikeGPT   029f86f0536f2b2451524038fc9890cc76c2429e
    github.com/Lvchangze/SpikeBERT  f7fcb44bc27881248c9f8fba388c166c75c9b774

Arrays alone are kept, in ``NAME.npz``: each parameter by its published name, the inputs, and the outputs. All three run
on a CPU. SpikeGPT's training form does not, since importing it compiles a CUDA kernel; what is recorded is its form for
inference, ``src/model_run.py``, which computes the same equation token by token. SpikeBERT's hidden layers of 4 D
neurons do not run at all, since what they give is reshaped to D columns; recorded are D of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsf_common.errors import UserError

FOLDER = Path(__file__).parent
SIZE, BLOCKS, WORDS, TOKENS = 16, 2, 9, 12
Arrays = dict[str, NDArray[Any]]


def main(arguments: list[str]) -> None:
    """Record one of them."""
    name, clone = arguments
    recorders: dict[str, Callable[[Path], Arrays]] = {"fcnet": fcnet, "spikegpt": spikegpt, "spikebert": spikebert}
    if name not in recorders:
        raise UserError(f"there is no {name} to record; choose one of {', '.join(recorders)}")
    sys.path.insert(0, str(Path(clone).resolve()))
    torch.manual_seed(0)
    with torch.no_grad():
        arrays: dict[str, Any] = {**recorders[name](Path(clone))}
    np.savez_compressed(FOLDER / f"{name}.npz", **arrays)


def fcnet(clone: Path) -> Arrays:
    """One window of as many tokens as the transform has, and a stream of more, by the published recurrence."""
    path = clone / "FCNet" / "DT" / "models" / "fourier_controller.py"
    spec = importlib.util.spec_from_file_location("fourier_controller", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = {
        "src_dim": 7, "ctx_dim": 1, "tgt_dim": 2, "fno_hidden_size": SIZE, "final_hidden_size": 128,
        "n_layer": BLOCKS, "n_modes": 4, "seq_len": TOKENS,
    }  # fmt: skip
    network = module.FourierController(config)
    constants = ("W", "idft_exps")
    drawn(parameter for name, parameter in network.named_parameters() if not name.endswith(constants))
    inputs = torch.randn(2, 2 * TOKENS, 7)
    window = network(inputs[:, :TOKENS, :6], inputs[:, :TOKENS, 6:])
    network.reset_recur(2, "cpu")
    stream = [
        network(inputs[:, token : token + 1, :6], inputs[:, token : token + 1, 6:]) for token in range(2 * TOKENS)
    ]
    weights = {name: value for name, value in network.state_dict().items() if not name.endswith(constants)}
    return {
        **named(weights),
        "inputs": inputs.numpy(),
        "window": window.numpy(),
        "stream": torch.cat(stream, 1).numpy(),
    }


def spikegpt(clone: Path) -> Arrays:
    """The published recurrence over a text; 77 words is how it knows that words are spikes."""
    published = importlib.import_module("src.model_run")
    sizes: dict[str, tuple[int, ...]] = {"att.time_decay": (SIZE,), "att.time_first": (SIZE,)}
    sizes |= {f"att.time_mix_{factor}": (1, 1, SIZE) for factor in "kvr"}
    sizes |= {f"att.{name}.weight": (SIZE, SIZE) for name in ("key", "value", "receptance", "output")}
    sizes |= {f"ffn.time_mix_{factor}": (1, 1, SIZE) for factor in "kr"}
    sizes |= {"ffn.key.weight": (4 * SIZE, SIZE), "ffn.value.weight": (SIZE, 4 * SIZE)}
    sizes |= {"ffn.receptance.weight": (SIZE, SIZE)}
    sizes |= {f"{norm}.{part}": (SIZE,) for norm in ("ln1", "ln2") for part in ("weight", "bias")}
    shapes = {f"blocks.{block}.{name}": shape for block in range(BLOCKS) for name, shape in sizes.items()}
    shapes |= {f"{norm}.{part}": (SIZE,) for norm in ("blocks.0.ln0", "ln_out") for part in ("weight", "bias")}
    shapes |= {"emb.weight": (WORDS, SIZE), "head.weight": (2, SIZE)}
    weights = {name: torch.randn(shape) * (1.0 if "ln" in name else 0.7) for name, shape in shapes.items()}
    text = torch.randint(WORDS, (TOKENS,)).tolist()
    with tempfile.TemporaryDirectory() as folder:
        torch.save(weights, f"{folder}/drawn.pth")
        arguments = {"MODEL_NAME": f"{folder}/drawn", "FLOAT_MODE": "fp32", "RUN_DEVICE": "cpu", "vocab_size": 77}
        network = published.RWKV_RNN(SimpleNamespace(**arguments, n_layer=BLOCKS, n_embd=SIZE, ctx_len=TOKENS))
    outputs, state = [], (None, None, None)
    for place in range(TOKENS):
        output, *state = network.forward(text[: place + 1], *state)
        outputs.append(output)
    return {**named(weights), "inputs": np.array(text), "outputs": torch.stack(outputs).numpy()}


def spikebert(clone: Path) -> Arrays:
    """The blocks' outputs and the classifier's of one text, and the classifier's of its first word alone."""
    published = importlib.import_module("model.new_spikformer")
    settings = {"depths": BLOCKS, "length": TOKENS, "tau": 2.0, "common_thr": 1.0, "dim": SIZE, "T": 4}
    text = torch.randint(WORDS, (1, TOKENS))

    def network() -> Any:
        """At rest, and with the same weights each time."""
        torch.manual_seed(1)
        made = published.new_spikformer(**settings, vocab_size=WORDS, num_classes=2, heads=2)
        for block in made.blocks:
            block.mlp = published.mlp(TOKENS, settings["tau"], settings["common_thr"], SIZE, SIZE, SIZE)
        drawn(made.parameters(), 1.5)
        return made

    whole, blocks = network(), []
    for block in whole.blocks:
        block.register_forward_hook(lambda module, given, output: blocks.append(output[0].numpy()))
    _, answer = whole(text)
    kept = list(blocks)
    _, first = network()(text[:, :1])
    weights = {name: value for name, value in whole.state_dict().items() if not name.startswith("transforms")}
    arrays = {f"block{index}": output for index, output in enumerate(kept)}
    return {
        **named(weights), **arrays, "inputs": text[0].numpy(), "outputs": answer[0].numpy(), "first": first[0].numpy()
    }  # fmt: skip


def drawn(parameters: Iterable[Tensor], deviation: float = 0.25) -> None:
    """Draw every parameter anew, so that none has its initial 0 or 1."""
    for parameter in parameters:
        parameter.copy_(torch.randn(parameter.shape) * deviation)


def named(weights: dict[str, Tensor]) -> Arrays:
    return {f"weight/{name}": value.numpy() for name, value in weights.items()}


if __name__ == "__main__":
    main(sys.argv[1:])
