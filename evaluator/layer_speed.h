#pragma once

#include "primitives/graph.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace normact::evaluator {

/// On what a layer's speed is measured.
struct SpeedTask {
    std::array<std::int64_t, 4> shape;  ///< N, C, H, W of x, in float32
    bool channels_last;
    int threads;
    int runs;  ///< of which the median is taken, after 3 to warm up
};

/// Milliseconds.
struct LayerSpeed {
    double compile;           ///< from the graph until forward and backward are ready, at the first run
    double forward;           ///< in training mode, without gradients
    double forward_backward;  ///< with gradients of x and all parameters
};

/// How fast the engines of these names run a layer, measured in turn, so that what slows the machine slows them all.
std::vector<LayerSpeed> layer_speeds(const primitives::Layer& layer, const std::vector<std::string>& engines,
                                     const SpeedTask& task);

/// Milliseconds that moving one byte takes: a copy of tensors of that shape, per byte read or written.
double copy_speed(const SpeedTask& task);

/// Whether the layer computes an exp, log, sigmoid or tanh, in which case arithmetic bounds it rather than traffic.
bool has_transcendental(const primitives::Layer& layer);

}  // namespace normact::evaluator
