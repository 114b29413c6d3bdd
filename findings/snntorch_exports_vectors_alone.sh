#!/usr/bin/env bash
# snnTorch's export_to_nir takes neurons whose parameters are vectors. With numbers, as its tutorials have them, nir cannot
# write the file; with a vector of beta and a number as threshold the exporter itself fails.
#
# Versions: snnTorch 1.0.0, nir 1.0.8, nirtorch 2.6, torch 2.13.0, Python 3.11.
# Seen: ValueError, AssertionError, written. The script fails if that changes.
# Use: PYTHON=python3.11 findings/snntorch_exports_vectors_alone.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.11}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q snntorch==1.0.0 nir==1.0.8 nirtorch==2.6 torch==2.13.0
cat > "$work/show.py" <<'PYTHON'
import nir
import snntorch as snn
import torch
from snntorch.export_nir import export_to_nir


def tried(*parameters):
    layer = snn.Leaky(parameters[0], threshold=parameters[1], init_hidden=True)
    try:
        network = torch.nn.Sequential(torch.nn.Linear(2, 3), layer)
        nir.write("out.nir", export_to_nir(network, torch.zeros(1, 2), ignore_dims=[0]))
    except Exception as problem:
        return type(problem).__name__
    return "written"


print("a number", tried(0.9, 1.0))
print("a vector of beta", tried(torch.full((3,), 0.9), 1.0))
print("vectors of both", tried(torch.full((3,), 0.9), torch.ones(3)))
PYTHON
cd "$work"
venv/bin/python show.py 2> "$work/errors" | grep -E "^(a number|a vector|vectors)" | tee "$work/seen"
diff - "$work/seen" <<'SEEN'
a number ValueError
a vector of beta AssertionError
vectors of both written
SEEN
echo "as described"
