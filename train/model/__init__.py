"""The Decision SpikeFormer in PyTorch."""

from train.model.dsformer import DSFormer

__all__ = ["DSFormer"]
