#pragma once

#include "primitives/graph.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace normact::primitives {

/// How expressions are written: as text or as LaTeX.
struct Style {
    Notation Primitive::*notation;  ///< which column of the table
    std::string_view IndexSetRow::*set;
    Notation subtraction;  ///< of a + (-b)
    std::string_view open, close;
    std::string_view name;  ///< of a named subexpression, `#1` stands for its number
};

/// A part of a formula, and how tightly it binds.
struct Piece {
    std::string text;
    Binding binds = Binding::atom;
};

/// A notation with its placeholders filled, inputs in parentheses where the notation wants them.
std::string fill(const Notation& notation, std::string_view set, std::span<const Piece* const> inputs,
                 const Style& style);

/// A graph written as a formula, with names for subexpressions that would make it too long or too deep.
struct Expression {
    struct Definition {
        std::string name, body;
    };
    std::vector<Definition> definitions;  ///< each uses only those before it
    std::string body;
};

/// The graph as it is written: live nodes only, equal ones shared, -b + a as a - b, in the order of writing. Text that
/// is parsed again comes to the same graph here, so that it is written the same.
LayerGraph as_written(const LayerGraph& graph);

/// Writes a well-formed graph. Its length grows linearly with the graph; it nests at most deepest_nesting deep.
Expression write(const LayerGraph& graph, const Style& style);

inline constexpr int deepest_nesting = 32;  ///< operations within each other, before one gets a name
inline constexpr int longest_formula = 40;  ///< operations and initial nodes, before repeated ones get a name

}  // namespace normact::primitives
