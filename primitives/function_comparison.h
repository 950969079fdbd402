#pragma once

#include "primitives/graph.h"

namespace normact::primitives {

/// How alike the functions of two graphs are, in double on random tensors: x, v0, v1 small and large, of both signs, in
/// training, with two groups of two channels and epsilon 1e-5.
struct FunctionComparison {
    bool same_hash = false;         ///< equal canonical forms: one function to the last bit, where all is finite
    bool same_fingerprint = false;  ///< equal on the fixed probe to 8 digits; functions that differ elsewhere are rare.
                                    ///< False unless both are finite there

    int tensors = 0;                ///< on which both are finite; on these the following is measured
    int not_finite_in_one = 0;      ///< tensors on which exactly one is finite
    double largest_difference = 0;  ///< max |a - b| of a tensor over its largest |a|, |b|; the largest of all tensors
    /// Squared correlation of the outputs within a channel, the mean over channels and tensors: how much of one layer's
    /// output the other one's explains after the best affine of its own, as the outer gamma and beta can be. In [0, 1].
    double explained = 0;
};

/// What a comparison says of two functions.
enum class Likeness {
    same_form,       ///< one function, for certain
    same_on_probes,  ///< on all random tensors they differ by rounding alone: very likely one function
    different,       ///< for certain
    unknown,         ///< neither is finite on any tensor
};
Likeness likeness(const FunctionComparison& comparison);

/// Compares well-formed graphs on the fixed probe and on others.
FunctionComparison compare_functions(const LayerGraph& a, const LayerGraph& b);

}  // namespace normact::primitives
