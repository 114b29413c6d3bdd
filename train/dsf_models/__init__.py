"""The Decision SpikeFormer and its baselines in PyTorch."""

from dsf_models.dsformer import DSFormer
from dsf_models.factory import make_model
from dsf_models.policy_network import PolicyNetwork

__all__ = ["DSFormer", "PolicyNetwork", "make_model"]
