"""Normalization-activation layers, found by normact, as fused PyTorch modules."""

from normact.layer import Layer, timm_layer
from normact.replacement import replace_norm_activation

__all__ = ["Layer", "replace_norm_activation", "timm_layer"]
