#pragma once

#include "evaluator/program.h"

#include <compare>
#include <vector>

namespace normact::evaluator {

/// When a value can be computed: in a pass of a sweep over the tensor. A mean over batch is known in the next sweep
/// only; a mean over smaller sets in the next pass of the same sweep, over what is still in the cache.
struct Time {
    int sweep = 0, pass = 0;
    auto operator<=>(const Time&) const = default;
};

/// The mean over a plane of a value with pixels, which stands in the program as an input.
struct PlaneMean {
    ValueId input;
    ValueId of;
    bool is_centre = false;  ///< the value is compared with it: beside a large mean small differences count
};

/// A program whose means over values with pixels are taken in two steps: over each plane, then over the small table of
/// planes. Every index set is made of whole planes (kernels.md).
struct FactoredProgram {
    Program program;
    std::vector<PlaneMean> plane_means;
    std::vector<Time> times;  ///< of each instruction
};

/// Factors every mean through plane means. Factors and summands without pixels are taken out of them, also where a
/// product must be multiplied out, if that makes a mean known earlier. A centred second moment becomes that of each
/// plane, merged by Chan's formula: never E[x²] − E[x]².
FactoredProgram factor_means(const Program& program);

}  // namespace normact::evaluator
