#include "primitives/primitive.h"

#include "primitives/definitions.h"

#include <algorithm>

namespace normact::primitives {
namespace {

constexpr auto table = std::apply([](auto... row) { return std::array{row.row...}; },
                                  std::tuple_cat(rows::Initial{}, rows::Elementwise{}, rows::Moments{}));

constexpr bool follows_op() {
    for (std::size_t i = 0; i < table.size(); ++i)
        if (static_cast<std::size_t>(table[i].op) != i) return false;
    return true;
}
static_assert(follows_op(), "the rows of definitions.h must stand in the order of Op");

constexpr bool codes_are_unique() {
    for (const Primitive& a : table)
        for (const Primitive& b : table)
            if (a.op != b.op && a.code == b.code) return false;
    return true;
}
static_assert(codes_are_unique(), "each primitive has its own code");

constexpr std::array sets{
    IndexSetRow{IndexSet::none, 0, "", ""},
    IndexSetRow{IndexSet::batch, 1, "batch", "n,h,w"},
    IndexSetRow{IndexSet::instance, 2, "instance", "h,w"},
    IndexSetRow{IndexSet::layer, 3, "layer", "c,h,w"},
    IndexSetRow{IndexSet::group, 4, "group", "c/g,h,w"},
};

}  // namespace

const Primitive& primitive(Op op) { return table[static_cast<std::size_t>(op)]; }

std::span<const Primitive> all_primitives() { return table; }

std::optional<Op> find_op(std::string_view name) {
    const auto* row = std::ranges::find(table, name, &Primitive::name);
    if (row == table.end()) return std::nullopt;
    return row->op;
}

const IndexSetRow& index_set(IndexSet set) { return sets[static_cast<std::size_t>(set)]; }

std::string_view name(IndexSet set) { return index_set(set).name; }

std::optional<IndexSet> find_index_set(std::string_view name) {
    for (const IndexSet set : index_sets)
        if (index_set(set).name == name) return set;
    return std::nullopt;
}

}  // namespace normact::primitives
