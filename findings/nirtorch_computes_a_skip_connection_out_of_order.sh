#!/usr/bin/env bash
# A connection that skips a layer makes nirtorch's GraphExecutor answer with a layer in the middle, without a word.
#
# Versions: nirtorch 2.6, nir 1.0.8, torch 2.13.0, Python 3.11; norse 1.1.0 reads NIR by the same nirtorch.load.
# Behaviour: the executor runs nodes in the order of a walk from the input and not in that of their edges, and gives out
#   what the last node of the walk computed. In input -> a -> b -> d -> output with input -> c -> d, whose weights are all 1
#   and biases 0, an input of ones makes a 2, b 10, c 2 and d 36; the network answers 2, which is c.
# Seen: "answers 2, and 36 is right". The script fails if that changes.
# Use: PYTHON=python3.11 findings/nirtorch_computes_a_skip_connection_out_of_order.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.11}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0 nir==1.0.8 nirtorch==2.6
cat > "$work/skip.py" <<'PYTHON'
import nir
import nirtorch
import numpy as np
import torch


def affine(outputs, inputs):
    return nir.Affine(np.ones((outputs, inputs), np.float32), np.zeros(outputs, np.float32))


def read(node):
    if isinstance(node, nir.Affine):
        layer = torch.nn.Linear(node.weight.shape[1], node.weight.shape[0])
        layer.weight.data, layer.bias.data = torch.from_numpy(node.weight), torch.from_numpy(node.bias)
        return layer
    return torch.nn.Identity()


nodes = {
    "input": nir.Input(np.array([2])),
    "a": affine(5, 2),
    "b": affine(3, 5),
    "c": affine(3, 2),
    "d": affine(3, 3),
    "output": nir.Output(np.array([3])),
}
edges = [("input", "a"), ("a", "b"), ("b", "d"), ("input", "c"), ("c", "d"), ("d", "output")]
answer = nirtorch.load(nir.NIRGraph(nodes, edges), read)(torch.ones(1, 2))
answer = answer[0] if isinstance(answer, tuple) else answer
print(f"answers {answer[0, 0]:g}, and 36 is right")
PYTHON
"$work/venv/bin/python" "$work/skip.py" | tee "$work/seen"
grep -qxF 'answers 2, and 36 is right' "$work/seen"
echo "as described"
