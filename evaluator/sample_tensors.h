#pragma once

#include "evaluator/engine.h"
#include "evaluator/plain_evaluation.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace normact::evaluator {

at::Tensor to_tensor(const PlainTensor& plain, at::ScalarType type, at::MemoryFormat format);
at::Tensor to_tensor(const std::vector<double>& channels, at::ScalarType type);
Parameters to_tensors(const PlainParameters& parameters, at::ScalarType type);
std::vector<at::Tensor> to_tensors(const std::vector<std::vector<double>>& averages, at::ScalarType type);

/// The largest |a - b|/(1 + |b|) between a tensor and plain values; infinite if a is not finite where b is.
double largest_error(const at::Tensor& tensor, const PlainTensor& plain);

}  // namespace normact::evaluator
