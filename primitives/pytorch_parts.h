#pragma once

// The parts of an exported Python file that are the same for every layer, in order; @WORDS are replaced.

#include <string_view>

namespace normact::primitives {

inline constexpr std::string_view heading =
    R"("""@NAME, a layer in place of a normalization and its activation, as a plain PyTorch module.

@FORMULA
Every moment is a biased one with epsilon inside its root: std_S(a) = sqrt(mean_S((a - mean_S(a))^2) + epsilon) and
rms_S(a) = sqrt(mean_S(a^2) + epsilon), over the set S: batch (n,h,w), instance (h,w), layer (c,h,w), or group (the
channels of the group,h,w). sqrt and log keep the sign of their argument: sqrt(a) = sign(a)*sqrt(|a|).

Written by normact. This file needs PyTorch and nothing else. Where the package normact is installed, its fused operator
runs the layer, in a few sweeps over memory.
"""

import torch
from torch import nn

try:
    import normact
except (ImportError, OSError):  # an OSError where it was built for another PyTorch
    normact = None
if not hasattr(torch.ops.normact, "layer"):  # another package, or a mere folder, has its name
    normact = None

# What the fused operator runs.
formula = "@TEXT"

)";

inline constexpr std::string_view mean_function = R"(
def mean(x, dims):
    return x.mean(dims, keepdim=True)

)";
inline constexpr std::string_view mean_square_function = R"(
def mean_square(x, dims):
    return x.square().mean(dims, keepdim=True)

)";
inline constexpr std::string_view variance_function = R"(
def variance(x, dims):
    return x.var(dims, correction=0, keepdim=True)

)";
inline constexpr std::string_view over_groups_function = R"(
def over_groups(statistic, x, groups):
    """The statistic over each group of channels and its pixels, the same for all channels of a group."""
    if x.shape[1] == 1:  # one value for all channels
        return statistic(x, layer)
    apart = x.unflatten(1, (groups, -1))
    return statistic(apart, (2, 3, 4)).expand(-1, -1, apart.shape[2], -1, -1).flatten(1, 2)

)";
inline constexpr std::string_view nonzero_function = R"(
def nonzero(x):
    """x, but 1 where x is 0, so that no derivative is infinite there."""
    return torch.where(x == 0, 1, x)

)";
inline constexpr std::string_view signed_sqrt_function = R"(
def signed_sqrt(x):
    return torch.sign(x) * torch.sqrt(nonzero(torch.abs(x)))

)";
inline constexpr std::string_view signed_log_function = R"(
def signed_log(x):
    return torch.sign(x) * torch.log(nonzero(torch.abs(x)))

)";

inline constexpr std::string_view module_start = R"(
class @CLASS(nn.Module):
    """x and y: [N, channels, H, W], of any floating point type, contiguous or channels_last.

    Parameters and moving averages have one value a channel.

    Args:
        channels: of x, at least 1.
        epsilon: added inside the roots of rms and std.
        groups: the largest number of at most this many groups that divides the channels is used.
    """

    def __init__(self, channels, *, epsilon=@EPSILON, groups=@GROUPS, device=None, dtype=None):
        super().__init__()
        if channels < 1:
            raise ValueError(f"channels is {channels}; it must be at least 1")
        if groups < 1:
            raise ValueError(f"groups is {groups}; it must be at least 1")
        self.channels, self.epsilon, self.groups = channels, epsilon, groups
        options = {"device": device, "dtype": dtype}
)";

inline constexpr std::string_view forward_method = R"(
    def forward(self, x):
        if x.dim() != 4 or x.shape[1] != self.channels:
            raise ValueError(f"x is of shape {tuple(x.shape)}; it must be [N, {self.channels}, H, W]")
        return self.fused(x) if self.can_be_fused(x) else self.composed(x)

    def composed(self, x):
        """The layer as PyTorch's own operations, in float32 at least."""
        kind, x = x.dtype, x.to(torch.promote_types(x.dtype, torch.float32))
)";

inline constexpr std::string_view over_batch_method = R"(
    def over_batch(self, statistic, x, average):
        """The statistic over the batch, which its moving average follows in training and stands in for afterwards."""
        if not self.training:  # a copy: the next training step moves it while backward may still need it
            return average.clone().view(1, -1, 1, 1)
        value = statistic(x, (0, 2, 3))
        self.move(average, value.detach().flatten())
        return value

    @staticmethod
    @torch.no_grad()
    def move(average, value):
        average.lerp_(value.to(average.dtype).expand_as(average), 0.1)
)";

inline constexpr std::string_view fused_methods = R"(
    @staticmethod
    def can_be_fused(x):
        """Whether normact is there and takes x. What is exported, to ONNX for instance, is to run without it."""
        if normact is None or torch.onnx.is_in_onnx_export() or torch.compiler.is_exporting() or x.numel() == 0:
            return False
        return (x.device.type in ("cpu", "cuda") and x.dtype in (torch.float32, torch.bfloat16)
                or x.device.type == "cuda" and x.dtype == torch.float16)

    def fused(self, x):
        """The same as one operator, differentiable twice, which keeps x and moments for backward and nothing else."""
        inputs = [x, @PARAMETERS]
)";
inline constexpr std::string_view fused_without_averages =
    R"(        y, *_ = torch.ops.normact.layer(formula, inputs, self.training, self.epsilon, self.groups)
        return y
)";
inline constexpr std::string_view fused_with_averages = R"(        averages = [@AVERAGES]
        if not self.training:
            inputs += [average.clone() for average in averages]
        y, *values = torch.ops.normact.layer(formula, inputs, self.training, self.epsilon, self.groups)
        if self.training:
            for average, value in zip(averages, values):
                self.move(average, value)
        return y
)";

inline constexpr std::string_view last_method = R"(
    def extra_repr(self):
        return f"{self.channels}, epsilon={self.epsilon:g}, groups={self.groups}"
)";

}  // namespace normact::primitives
