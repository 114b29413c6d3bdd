"""Compiled forms of what a training step spends its time on, each tested against the PyTorch form it stands for.

`dsf_models.kernels.accelerate` brings them in, and is the one file here that may be imported where numba is not
installed. Everything else (a GPU, evaluation, export, a machine without numba) takes the PyTorch forms, which define
what is computed.
"""
