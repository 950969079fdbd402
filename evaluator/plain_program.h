#pragma once

#include "evaluator/plain_evaluation.h"
#include "evaluator/plane_means.h"
#include "evaluator/program.h"

#include <map>
#include <string>
#include <vector>

namespace normact::evaluator {

/// The inputs of a program by name, each as a whole tensor.
using PlainInputs = std::map<std::string, PlainTensor>;

/// What a program computes, in double and instruction by instruction over whole tensors, for tests. A batch sum has the
/// same sum on all elements of a channel.
std::map<std::string, PlainTensor> run_plainly(const Program& program, const PlainInputs& inputs, int groups);
/// The same for a program with plane means.
std::map<std::string, PlainTensor> run_plainly(const FactoredProgram& factored, const PlainInputs& inputs, int groups);

/// The largest magnitude on the way to the outputs: what is rounded there is rounded by that much.
double largest_value(const Program& program, const PlainInputs& inputs, int groups);

/// One value a channel as a whole tensor.
PlainTensor spread(const std::vector<double>& channels, const PlainTensor& like);

}  // namespace normact::evaluator
