#!/usr/bin/env bash
# norse writes an IAFCell as a NIR IF with r = 1, dv/dt = r·i, by which a step of 1 ms adds 0.001 of its input to v. The
# cell itself adds all of it, and calls its dt unused.
#
# Versions: norse 1.1.0, nir 1.0.8, nirtorch 2.6, torch 2.13.0, Python 3.11.
# Seen: "IF r 1.0 v of 0.5 after a step 0.5". The script fails if that changes.
# Use: PYTHON=python3.11 findings/norse_integrators_take_no_time_step.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.11}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q norse==1.1.0 nir==1.0.8 nirtorch==2.6 torch==2.13.0
cat > "$work/show.py" <<'PYTHON'
import norse.torch as norse
import torch
from norse.torch.utils.export_nir import to_nir

cell = norse.IAFCell(norse.IAFParameters(v_th=torch.ones(1)))
graph = to_nir(torch.nn.Sequential(cell), torch.zeros(1, 1), dt=0.001)
node = next(node for node in graph.nodes.values() if type(node).__name__ == "IF")
_, state = cell(torch.full((1, 1), 0.5))
print("IF r", float(node.r[0]), "v of 0.5 after a step", float(state.v))
PYTHON
cd "$work"
venv/bin/python show.py 2> "$work/errors" | grep -E "^IF" | tee "$work/seen"
diff - "$work/seen" <<'SEEN'
IF r 1.0 v of 0.5 after a step 0.5
SEEN
echo "as described"
