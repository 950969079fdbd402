#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace normact::primitives {

/// What a node applies. The order is part of no format: files and databases hold names.
enum class Op : std::uint8_t {
    x,
    zero,
    v0,
    v1,  // initial
    add,
    mul,
    div,
    max,  // elementwise, two inputs
    neg,
    abs,
    square,
    sqrt,
    log,
    exp,
    sigmoid,
    tanh,  // elementwise, one input
    mean,
    rms,
    std,  // moments over an index set, one input
};

/// The set over which a moment averages. Every set contains a whole plane (h,w).
enum class IndexSet : std::uint8_t {
    none,      ///< not a moment
    batch,     ///< (n,h,w): one value a channel
    instance,  ///< (h,w): one value a plane
    layer,     ///< (c,h,w): one value an image
    group,     ///< (channels of the group,h,w): one value an image and group
};

enum class Kind : std::uint8_t { initial, elementwise, moment };

/// How tightly a written expression binds; what binds less than its place wants is put in parentheses.
enum class Binding : std::uint8_t { anything, sum, product, prefix, power, atom };

/// How a node is written: `#1` and `#2` stand for its inputs, `#S` for its index set.
struct Notation {
    std::string_view pattern;
    Binding binds = Binding::atom;
    std::array<Binding, 2> wants{};  ///< of each input
};

/// One row of the table of primitives, as plain data; definitions.h has it whole, with values and derivatives.
struct Primitive {
    Op op;
    std::uint8_t code;             ///< in the hash: never changed, never given to another primitive
    std::string_view name;         ///< in JSON and, for functions, in the text form
    std::string_view description;  ///< one line
    Kind kind;
    int arity;
    bool commutative;
    double cost;  ///< rough cost of one element, in additions
    Notation text;
    Notation latex;
};

/// The row of an operation.
const Primitive& primitive(Op op);
/// All rows, in the order of Op.
std::span<const Primitive> all_primitives();
/// The operation with this name, or nothing.
std::optional<Op> find_op(std::string_view name);

/// One row of the table of index sets.
struct IndexSetRow {
    IndexSet set;
    std::uint8_t code;  ///< in the hash: never changed
    std::string_view name;
    std::string_view latex;
};

const IndexSetRow& index_set(IndexSet set);
std::string_view name(IndexSet set);
std::optional<IndexSet> find_index_set(std::string_view name);
/// batch, instance, layer, group.
inline constexpr std::array<IndexSet, 4> index_sets{IndexSet::batch, IndexSet::instance, IndexSet::layer,
                                                    IndexSet::group};

}  // namespace normact::primitives
