"""A training step's loss and gradient by `torch.compile`, for GPUs.

So small a model keeps a GPU waiting for the next launch, so the loss becomes one graph of fused operations and its
gradient another, and on a GPU each is a CUDA graph, launched by one call. Neither shapes nor what is read outside of
tensors may change then:

- windows keep their padding, and norms are told which tokens are real;
- λ is a tensor, rewritten before each step. At 0 it is a number, and the layer norm is not computed. That is another
  graph, so a run compiles two.

Clipping and AdamW are few calls and stay outside; nothing here waits for the GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor
from torch._dynamo.exc import TorchDynamoException

from dsf_common.errors import UserError, first_line
from dsf_models import DSFormer, PolicyNetwork, distributed
from dsf_models.batch_norm import TokenBatchNorm
from dsf_models.normalisation import PTBN
from dsf_models.padding import PaddedLayout, TokenLayout
from dsf_models.policy_network import Spikes
from dsf_models.precision import in_bfloat16
from dsf_train.configuration import Precision, TrainConfig
from dsf_train.sampling import Batch

Loss = Callable[[PolicyNetwork, Batch, Spikes | None], Tensor]
PaidSpikes = Callable[[Spikes, Tensor], Tensor | float]  # of spikes and mask
Objective = Callable[[PolicyNetwork, Batch, Spikes | None, PaidSpikes], tuple[Tensor, Tensor]]


def compiles(config: TrainConfig) -> bool:
    """Whether a run's steps are compiled: by ``compile``, or else on a GPU if there is a compiled form for the run.

    Raises
    ------
    UserError
        ``compile`` or ``precision`` asks for what the run cannot have.
    """
    on_gpu = config.device.startswith("cuda")
    refusal = _refusal(config)
    if config.compile and refusal:
        raise UserError(f"compile=true has no form for {refusal}; leave it out.")
    compiled = (on_gpu if config.compile is None else config.compile) and refusal is None
    if config.precision is Precision.bfloat16 and not compiled:
        raise UserError(
            f"precision=bfloat16 is the compiled step's, which has no form for {refusal}; leave it out."
            if refusal
            else "precision=bfloat16 is the compiled step's; add compile=true."
        )
    if config.precision is Precision.tf32 and not on_gpu:
        raise UserError("precision=tf32 is a format of GPUs; add device=cuda, or leave it out.")
    return compiled


def _refusal(config: TrainConfig) -> str | None:
    """The parts of a run that a compiled step cannot serve."""
    if not config.model.kind.has_program:
        return f"model.kind={config.model.kind.value}"
    if config.quantise:
        return "quantise=true, which rounds weights anew at every step"
    return "several processes" if distributed.processes() > 1 else None


class CompiledObjective:
    """An :data:`Objective`, the loss with what the spikes cost, in its compiled form.

    It records every token's spikes, (T, B · K, width), padding's too: :func:`real_tokens` leaves that out.

    The spikes of a step live until the next one, whether the caller wants them or not. A CUDA graph is recorded once
    and replayed; PyTorch refuses to record the gradient's where a tensor that it reads is freed earlier in one step
    than in another.

    Parameters
    ----------
    loss
        The loss of a batch, from the model's actions.
    precision
        The precision of the products of spikes.
    device
        Where model and batches are.
    """

    def __init__(self, loss: Loss, precision: Precision, device: torch.device) -> None:
        self._loss = loss
        self._precision = precision
        mode = "reduce-overhead" if device.type == "cuda" else "default"  # the former is CUDA graphs
        self._compiled = torch.compile(self._padded, fullgraph=True, dynamic=False, mode=mode)
        self._kept: dict[str, Tensor] = {}
        self._fired: Spikes = {}  # of the latest step

    def __call__(
        self, model: PolicyNetwork, batch: Batch, spikes: Spikes | None, spike_cost: PaidSpikes
    ) -> tuple[Tensor, Tensor]:
        """The loss, which has no gradient, and what is descended.

        Raises
        ------
        UserError
            It cannot be compiled here; there is no compiler, for example.
        """
        assert isinstance(model, DSFormer)
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        rounded = in_bfloat16() if self._precision is Precision.bfloat16 else nullcontext()
        with self._static_form(model, batch.mask), rounded:
            try:
                loss, paid, fired = self._compiled(model, batch, spike_cost)
            except TorchDynamoException as problem:
                raise UserError(
                    f"The training step could not be compiled ({first_line(problem)}); install a C++ compiler, such as "
                    "g++, or do without by compile=false."
                ) from problem
        self._fired = fired
        if spikes is not None:
            spikes.update(fired)
        return loss, paid

    def _padded(self, model: DSFormer, batch: Batch, spike_cost: PaidSpikes) -> tuple[Tensor, Tensor, Spikes]:
        """The part that is compiled."""
        spikes: Spikes = {}
        loss = self._loss(model, batch, spikes)
        layout = PaddedLayout(batch.mask)
        of_real_tokens = {name: layout.pack(layout.unpack(fired)) for name, fired in spikes.items()}
        paid = loss + spike_cost(of_real_tokens, batch.mask)
        return loss.detach(), paid, {name: fired.detach() for name, fired in spikes.items()}

    @contextmanager
    def _static_form(self, model: DSFormer, mask: Tensor) -> Iterator[None]:
        """Let ``model`` keep padding and read λ from a tensor meanwhile."""
        like = model.embedding.weight
        real = self._keep("real", mask.reshape(-1, 1).to(like.dtype))
        norms = [module for module in model.modules() if isinstance(module, TokenBatchNorm)]
        blended = [module for module in model.modules() if isinstance(module, PTBN) and module.blends]
        number = blended[0].blend if blended else 0.0
        blend = self._keep("blend", torch.full((), float(number), dtype=like.dtype, device=like.device))
        model.layout_of = PaddedLayout
        for norm in norms:
            norm.real = real
        for ptbn in blended:
            ptbn.blend = blend
        try:
            yield
        finally:
            model.layout_of = TokenLayout
            for norm in norms:
                norm.real = None
            for ptbn in blended:
                ptbn.blend = number

    def _keep(self, name: str, values: Tensor) -> Tensor:
        """``values`` where a CUDA graph has found them before: it reads what modules hold from the address it knows."""
        kept = self._kept.setdefault(name, torch.empty_like(values))
        return kept.copy_(values)


def real_tokens(spikes: Spikes, mask: Tensor) -> Spikes:
    """``spikes`` of all tokens, (T, B · K, width), without padding's."""
    padded, packed = PaddedLayout(mask), TokenLayout(mask)
    return {name: packed.pack(padded.unpack(fired)) for name, fired in spikes.items()}
