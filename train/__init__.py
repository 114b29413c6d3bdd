"""Training: from offline data to a policy.

Importing this before PyTorch also says how long PyTorch's threads spin while they wait for work, where they are GNU
OpenMP's: left alone so long that they take the cores from the threads of `train.kernels`, and not at all would cost a
wake-up for each product. Who sets one of OpenMP's own variables has the last word.
"""

import os

SPIN, TURNS = "GOMP_SPINCOUNT", "1000"

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault(SPIN, TURNS)
