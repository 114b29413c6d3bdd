#!/usr/bin/env bash
# norse writes a LIFCell as a CubaLIF with w_in = 1, by which a step of 1 ms adds 1e-6 / tau_syn = 0.2 of a spike to the
# synaptic current (its time constants are 1,000 times too small, so its dt is 1e-6). The cell itself adds all of it: with
# tau_mem_inv = 100, v is 0.1 after one spike and not 0.02.
#
# Versions: norse 1.1.0, nir 1.0.8, nirtorch 2.6, torch 2.13.0, Python 3.11.
# Seen: "w_in 1.0 tau_syn 5e-06 v after one spike 0.1". The script fails if that changes.
# Use: PYTHON=python3.11 findings/norse_writes_another_gain_of_synaptic_currents.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.11}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q norse==1.1.0 nir==1.0.8 nirtorch==2.6 torch==2.13.0
cat > "$work/show.py" <<'PYTHON'
import norse.torch as norse
import torch
from norse.torch.utils.export_nir import to_nir

one = torch.ones(1)
parameters = norse.LIFParameters(
    tau_mem_inv=100 * one, tau_syn_inv=200 * one, v_th=one, v_leak=0 * one, v_reset=0 * one
)
cell = norse.LIFCell(parameters)
graph = to_nir(torch.nn.Sequential(cell), torch.zeros(1, 1), dt=0.001)
node = next(node for node in graph.nodes.values() if type(node).__name__ == "CubaLIF")
_, state = cell(torch.ones(1, 1))
tau_syn = round(float(node.tau_syn[0]), 9)
print("w_in", float(node.w_in[0]), "tau_syn", tau_syn, "v after one spike", round(float(state.v), 3))
PYTHON
cd "$work"
venv/bin/python show.py 2> "$work/errors" | grep -E "^w_in" | tee "$work/seen"
diff - "$work/seen" <<'SEEN'
w_in 1.0 tau_syn 5e-06 v after one spike 0.1
SEEN
echo "as described"
