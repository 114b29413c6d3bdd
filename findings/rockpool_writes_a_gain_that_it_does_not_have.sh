#!/usr/bin/env bash
# Rockpool's LIFNeuronTorch writes r = tau·exp(-dt/tau)/dt, by which a step adds exp(-dt/tau) = 0.819 of its input to v.
# The neuron itself adds all of it.
#
# Versions: Rockpool 3.1.0, nir 1.0.8, nirtorch 2.6, torch 2.13.0, Python 3.11.
# Seen: "gain by r 0.819 v of 0.5 after a step 0.5". The script fails if that changes.
# Use: PYTHON=python3.11 findings/rockpool_writes_a_gain_that_it_does_not_have.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.11}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q rockpool==3.1.0 nir==1.0.8 nirtorch==2.6 torch==2.13.0 scipy
cat > "$work/show.py" <<'PYTHON'
import numpy as np
import torch
from rockpool.nn.modules import LIFNeuronTorch
from rockpool.nn.modules.torch.nir import to_nir

neuron = LIFNeuronTorch(1, tau_mem=0.005, dt=1e-3, bias=0.0)
node = next(node for node in to_nir(neuron).nodes.values() if type(node).__name__ == "LIF")
by_file = float(node.r[0]) * 1e-3 / float(node.tau[0])
_, state, _ = neuron(torch.full((1, 1, 1), 0.5))
print("gain by r", round(by_file, 3), "v of 0.5 after a step", round(float(np.ravel(state["vmem"].detach())[0]), 3))
PYTHON
cd "$work"
venv/bin/python show.py 2> "$work/errors" | grep -E "^gain" | tee "$work/seen"
diff - "$work/seen" <<'SEEN'
gain by r 0.819 v of 0.5 after a step 0.5
SEEN
echo "as described"
