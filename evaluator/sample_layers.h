#pragma once

#include "evaluator/engine.h"
#include "evaluator/plain_evaluation.h"
#include "evaluator/plain_program.h"
#include "primitives/graph.h"

#include <ATen/core/Tensor.h>

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

at::Tensor to_tensor(const PlainTensor& plain, at::ScalarType type, at::MemoryFormat format);
at::Tensor to_tensor(const std::vector<double>& channels, at::ScalarType type);
Parameters to_tensors(const PlainParameters& parameters, at::ScalarType type);
std::vector<at::Tensor> to_tensors(const std::vector<std::vector<double>>& averages, at::ScalarType type);

/// The largest |a - b|/(1 + |b|) between a tensor and plain values; infinite if a is not finite where b is.
double largest_error(const at::Tensor& tensor, const PlainTensor& plain);

}  // namespace normact::evaluator
