#pragma once

#include "evaluator/program.h"

#include <string>
#include <vector>

namespace normact::evaluator {

/// The derivative of a program, by the chain rule from its end (kernels.md: programs are closed under it, so that the
/// derivative can be differentiated again). For each output O named in `outputs` there is one more input "gradient of
/// O": the derivative of a loss in it; for each input I named in `inputs` one output "gradient of I". That of an input
/// without pixels is summed over batch. The inputs and instructions of `program` stay at their positions in front.
Program differentiate(const Program& program, const std::vector<std::string>& outputs,
                      const std::vector<std::string>& inputs);

}  // namespace normact::evaluator
