#pragma once

#include "proxy_tasks/batches.h"
#include "proxy_tasks/network.h"
#include "proxy_tasks/settings.h"
#include "proxy_tasks/training.h"

#include <optional>

namespace normact::proxy_tasks {

/// Where the norm of the gradient passed the largest allowed one, or was not finite.
struct BlowUp {
    int step = 0;              ///< ascent steps taken before
    double gradient_norm = 0;  ///< may be infinite or NaN
};

/// Drives the network's weights to where the gradient of the loss is large: gradient ascent on log ‖∂loss/∂weights‖₂
/// over one batch, by double backward. Changes the network. Nothing if the norm stays below the largest allowed one,
/// or if the batch's masks have no pixel that counts and so no loss.
///
/// Why the logarithm: the paper (arXiv 2004.02967) leaves the rule of the steps open. Steps along the norm itself grow
/// with the norm, so that the ascent overshoots and ends in NaN even for BN-ReLU and EvoNorm-B0 within 100 steps of
/// 0.1. Steps along its logarithm ask how far each step multiplies the gradient. At 0.1, over 100 steps in the micro
/// anchors, BN-ReLU, GN-ReLU, EvoNorm-B0 and S0 stay below 10^4, while ReLU without normalization passes 10^8.
/// The norm is looked at before the first step and after each one.
std::optional<BlowUp> find_blow_up(Network& network, const Batch& batch, const StabilityFilter& filter,
                                   const Checkpoint& checkpoint);

}  // namespace normact::proxy_tasks
