#pragma once

#include "evaluator/plain_evaluation.h"
#include "evaluator/plain_program.h"
#include "primitives/graph.h"

#include <array>
#include <string>
#include <vector>

namespace normact::evaluator {

/// A layer for each primitive and, for moments, index set, in which it meets full tensors and one value a channel;
/// taken from the table of primitives, so that a new one is tested too.
std::vector<primitives::Layer> layers_of_primitives();
/// The layers of the catalogue.
std::vector<primitives::Layer> layers_of_catalogue();
/// Both.
std::vector<primitives::Layer> sample_layers();

/// The arguments of a layer: random, in double.
struct Arguments {
    PlainTensor x;
    PlainParameters parameters;
    std::vector<std::vector<double>> averages;  ///< positive, near 1; for means near 0
};

/// x and v0 are about normal, v1 and gamma about 1; all are float32 numbers. Draws until no value is nearer to a kink
/// than `distance`; throws std::runtime_error if that does not succeed within a thousand draws, as in large tensors.
Arguments draw_arguments(const primitives::Layer& layer, std::array<int, 4> shape, std::uint64_t seed,
                         double distance = 0.02);
/// A distance from kinks for when any will do.
inline constexpr double any_distance = 0;

/// True if the layer, training and at evaluation, has no value nearer to a kink or pole than `distance`, where rounding
/// may be amplified without bound, and no output of 1000 or more.
bool is_tame(const primitives::Layer& layer, const Arguments& arguments, double distance);

/// The inputs of the layer's program.
PlainInputs program_inputs(const Arguments& arguments);

}  // namespace normact::evaluator
