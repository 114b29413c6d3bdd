"""The Decision SpikeFormer and its baselines in PyTorch."""

from train.model.dsformer import DSFormer
from train.model.factory import make_model
from train.model.policy_network import PolicyNetwork

__all__ = ["DSFormer", "PolicyNetwork", "make_model"]
