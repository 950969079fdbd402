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

/// Drives the network's weights to where the gradient of the loss is large: gradient ascent on ‖∂loss/∂weights‖₂ over
/// one batch, by double backward. Changes the network. Nothing if the norm stays below the largest allowed one.
std::optional<BlowUp> find_blow_up(Network& network, const Batch& batch, const StabilityFilter& filter,
                                   const Checkpoint& checkpoint);

}  // namespace normact::proxy_tasks
