#pragma once

#include "primitives/graph.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace normact::primitives {

/// A 128-bit name, printed as 32 hexadecimal digits.
struct Hash128 {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    auto operator<=>(const Hash128&) const = default;
};

std::string to_string(const Hash128& hash);
/// Reads 32 hexadecimal digits; anything else is nothing.
std::optional<Hash128> parse_hash(std::string_view text);

/// The hash of the canonical form: it names the layer, on every machine and in every release of format version 1.
Hash128 hash(const LayerGraph& graph);
/// The same for a graph that is canonical already.
Hash128 hash_canonical(const LayerGraph& canonical_graph);

}  // namespace normact::primitives
