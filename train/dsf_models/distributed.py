"""One training by several processes, which `torchrun` starts: each computes its part of every batch.

The gradient is that of one process: losses are weighted by real tokens, gradients are added up, and batch statistics
are those of the whole batch (`dsf_models.batch_norm`). PyTorch's `DistributedDataParallel` averages over processes
instead, whatever their padding, and takes a parameter without a gradient (PTBN's layer norm, once λ is 0) for an error;
these models are small enough for one sum of all gradients. The first process alone writes files and steers
environments; all of them read the run's folder, so several machines share it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

from dsf_common.errors import UserError, first_line

LONGEST_WAIT = timedelta(days=1)  # of the others while the first process evaluates


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Work together with the other processes that `torchrun` has started, if it has."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield
        return
    on_gpu = device.startswith("cuda")
    if on_gpu:
        torch.cuda.set_device(own_device(device))
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=LONGEST_WAIT)
    if not is_first():
        logging.disable(logging.WARNING)  # the first process says it
    try:
        yield
    finally:
        dist.destroy_process_group()


def processes() -> int:
    """How many work together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if processes() > 1 else 0


def is_first() -> bool:
    """Whether this is the process that writes."""
    return rank() == 0


@contextmanager
def first_one_first() -> Iterator[None]:
    """Let the first process go through the block before the others, which find what it has made."""
    if processes() > 1 and not is_first():
        dist.barrier()
    yield
    if processes() > 1 and is_first():
        dist.barrier()


def own_device(device: str) -> torch.device:
    """``device``; each process of a machine takes a GPU of its own.

    Raises
    ------
    UserError
        PyTorch knows no such device, or has no GPU to use.
    """
    own = f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" and "LOCAL_RANK" in os.environ else device
    try:
        found = torch.device(own)
    except RuntimeError as problem:
        raise UserError(f"device={device} is no device that PyTorch knows; choose cpu or cuda.") from problem
    if found.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device={device} needs a GPU that PyTorch can use, and there is none; leave device=cpu.")
    try:
        torch.zeros(1, device=found).item()
    except (RuntimeError, NotImplementedError, AssertionError) as problem:
        why = first_line(problem).partition(". ")[0].rstrip(".")  # PyTorch goes on for a page
        raise UserError(f"device={device} is not to be had here: {why}; leave device=cpu.") from problem
    return found


def own_part(batch_size: int) -> slice:
    """This process's windows of a batch.

    Raises
    ------
    UserError
        There are fewer windows than processes.
    """
    if batch_size < processes():
        raise UserError(f"batch_size={batch_size} leaves some of {processes()} processes without a window; raise it.")
    return slice(rank() * batch_size // processes(), (rank() + 1) * batch_size // processes())


def own_share(mask: Tensor) -> float:
    """The share of the whole batch's real tokens in ``mask``, (B, K): what a mean over this process's own weighs."""
    if processes() == 1:
        return 1.0
    own = mask.sum().to(torch.float64)
    return float(own / total(own))


def total(values: Tensor) -> Tensor:
    """The sum over all processes, with its gradient: what each one's losses make of it, added up."""
    if processes() == 1:
        return values
    summed: Tensor = all_reduce(values)  # type: ignore[no-untyped-call]
    return summed


def start_alike(model: nn.Module) -> None:
    """Give every process the first one's parameters and buffers."""
    if processes() > 1:
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, src=0)


def add_up_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace each gradient by its sum over all processes."""
    if processes() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    everything = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(everything)
    parts = torch.split(everything, [gradient.numel() for gradient in gradients])
    for gradient, summed in zip(gradients, parts, strict=True):
        gradient.copy_(summed.view_as(gradient))


def mean_over_tokens(means: Mapping[str, float], share: float) -> dict[str, float]:
    """Means over this process's tokens, ``share`` of all, to means over all."""
    if processes() == 1:
        return dict(means)
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    weighted = torch.tensor([share * value for value in means.values()], dtype=torch.float64, device=device)
    return dict(zip(means, total(weighted).tolist(), strict=True))
