#include "primitives/hash.h"

#define XXH_INLINE_ALL
#include "primitives/canonical.h"

#include <xxhash.h>

#include <charconv>
#include <cstdio>
#include <vector>

namespace normact::primitives {
namespace {

/// The first byte of every encoding: another format version would hash to other names.
constexpr std::uint8_t encoding_version = 1;

/// Version, then for each node its code, its index set's code, and its inputs as two bytes each, low byte first.
std::vector<std::uint8_t> encode(const LayerGraph& graph) {
    std::vector<std::uint8_t> bytes;
    bytes.reserve(1 + graph.nodes.size() * 6);
    bytes.push_back(encoding_version);
    for (const Node& node : graph.nodes) {
        bytes.push_back(primitive(node.op).code);
        bytes.push_back(index_set(node.over).code);
        for (const std::uint16_t input : inputs_of(node)) {
            bytes.push_back(static_cast<std::uint8_t>(input & 0xff));
            bytes.push_back(static_cast<std::uint8_t>(input >> 8));
        }
    }
    return bytes;
}

}  // namespace

std::string to_string(const Hash128& hash) {
    std::array<char, 33> text{};
    std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(hash.high),
                  static_cast<unsigned long long>(hash.low));
    return {text.data(), 32};
}

std::optional<Hash128> parse_hash(std::string_view text) {
    if (text.size() != 32 || text.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos)
        return std::nullopt;
    const auto number = [](std::string_view digits) {
        std::uint64_t value = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        return value;
    };
    return Hash128{number(text.substr(0, 16)), number(text.substr(16))};
}

Hash128 hash_canonical(const LayerGraph& canonical_graph) {
    const std::vector<std::uint8_t> bytes = encode(canonical_graph);
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    return {.high = hash.high64, .low = hash.low64};
}

Hash128 hash(const LayerGraph& graph) { return hash_canonical(canonical(graph)); }

}  // namespace normact::primitives
