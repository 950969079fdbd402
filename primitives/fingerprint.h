#pragma once

#include "primitives/graph.h"
#include "primitives/hash.h"

#include <cstdint>
#include <vector>

namespace normact::primitives {

/// What a fixed probe (double, random x, v0, v1) says of a graph's function.
struct Probe {
    bool finite = false;        ///< for inputs of common size (|x| up to 5), float can hold the output and all values
                                ///< on the way: an infinity in between becomes a NaN in the derivatives, even where
                                ///< 1/∞ hides it
    bool depends_on_x = false;  ///< the rounded output changes with x
    Hash128 fingerprint;        ///< of the rounded outputs; equal for graphs that compute the same function

    /// A candidate that fails here is rejected before any training.
    bool is_valid() const { return finite && depends_on_x; }
};

/// Runs a well-formed graph on a few small tensors, in training: batch moments are taken from x. Graphs with equal
/// fingerprints share one evaluation.
Probe probe(const LayerGraph& graph);

/// The shape of the probe's tensors.
inline constexpr std::size_t probe_images = 3, probe_channels = 4, probe_pixels = 6;

/// The unrounded outputs on the probe's tensors, or on others like them for each other seed. A tensor with anything not
/// finite on the way to it is all NaN: it could depend on the sign of a zero, which is not part of the function.
/// Ordered by [tensor][image][channel][pixel].
std::vector<double> probe_values(const LayerGraph& graph, std::uint64_t seed = 1);

/// What the fingerprint is taken of: `value` with 26 significant bits and in steps of at least 2^-34; zeros lose their
/// sign and all NaN are one.
///
/// Graphs that compute the same function in another order differ by some 10^-16 of the largest number on the way.
/// A step of 10^-8 of the value, and of 6·10^-11 where values cancel to almost nothing, leaves them equal but for an
/// estimated one pair in 10^3 (all values small) to 10^5, in which a value lies so close to the middle between two
/// steps that it rounds both ways. Such a pair is trained twice, which costs time and nothing else. Layers train in
/// float, with 24 bits, and cannot tell more functions apart; of outputs below the smallest step nothing could be
/// learned.
double rounded(double value);

}  // namespace normact::primitives
