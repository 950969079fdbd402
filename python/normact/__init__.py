"""Normalization-activation layers, found by normact, as fused PyTorch modules."""

from normact.layer import Layer, timm_layer

__all__ = ["Layer", "timm_layer"]
