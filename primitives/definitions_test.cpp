#include "primitives/definitions.h"

#include "primitives/canonical.h"
#include "primitives/graph_arbitrary.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <optional>
#include <string>

namespace normact::primitives {

/// A number with its derivative, by the rules of automatic differentiation: a second T for the rows.
struct Dual {
    double value = 0.0;
    double slope = 0.0;
};

Dual operator-(Dual a) { return {-a.value, -a.slope}; }
Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.slope + b.slope}; }
Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.slope - b.slope}; }
Dual operator*(Dual a, Dual b) { return {a.value * b.value, a.slope * b.value + a.value * b.slope}; }
Dual operator/(Dual a, Dual b) {
    return {a.value / b.value, a.slope / b.value - a.value / b.value * b.slope / b.value};
}
Dual operator+(Dual a, double b) { return {a.value + b, a.slope}; }
Dual operator*(double a, Dual b) { return {a * b.value, a * b.slope}; }
Dual operator/(double a, Dual b) { return Dual{a} / b; }
bool operator==(Dual a, double b) { return a.value == b; }
Dual where(bool condition, double yes, Dual no) { return condition ? Dual{yes} : no; }
Dual exp(Dual a) { return {std::exp(a.value), std::exp(a.value) * a.slope}; }
Dual log(Dual a) { return {std::log(a.value), a.slope / a.value}; }
Dual sqrt(Dual a) { return {std::sqrt(a.value), a.slope / (2.0 * std::sqrt(a.value))}; }
Dual abs(Dual a) { return {std::abs(a.value), rows::sign(a.value) * a.slope}; }
Dual tanh(Dual a) { return {std::tanh(a.value), (1.0 - std::pow(std::tanh(a.value), 2)) * a.slope}; }
Dual sign(Dual a) { return {rows::sign(a.value)}; }
Dual sigmoid(Dual a) {
    const double s = rows::sigmoid(a.value);
    return {s, s * (1.0 - s) * a.slope};
}
Dual maximum(Dual a, Dual b) {
    if (a.value == b.value) return {a.value, 0.5 * a.slope + 0.5 * b.slope};
    return a.value > b.value || std::isnan(a.value) ? a : b;
}

namespace {

using rows::for_each_elementwise;

constexpr std::array points{-3.0, -1.0, -0.25, 0.0, 0.5, 1.0, 2.0};
constexpr double tolerance = 1e-14;  // a few roundings of double at values of order 1 to 20

/// What automatic differentiation of value() gives at (a, b) in the direction (1, 0) or (0, 1).
template <typename Row>
double slope_of_value(double a, double b, bool of_first) {
    const Dual first{a, of_first ? 1.0 : 0.0}, second{b, of_first ? 0.0 : 1.0};
    if constexpr (Row::row.arity == 2)
        return Row::value(first, second).slope;
    else
        return Row::value(first).slope;
}

TEST(Definitions, derivatives_are_those_of_the_values_also_at_ties_and_zeros) {
    for_each_elementwise([]<typename Row>(Row) {
        for (const double a : points) {
            if constexpr (Row::row.arity == 1) {
                EXPECT_NEAR(Row::derivative(a, Row::value(a)), slope_of_value<Row>(a, 0.0, true), tolerance * 20)
                    << Row::row.name << "(" << a << ")";
                continue;
            }
            for (const double b : points) {
                if constexpr (Row::row.arity == 2) {
                    if (Row::row.op == Op::div && b == 0.0) continue;
                    const auto [first, second] = Row::derivative(a, b, Row::value(a, b));
                    EXPECT_NEAR(first, slope_of_value<Row>(a, b, true), tolerance * 20) << Row::row.name;
                    EXPECT_NEAR(second, slope_of_value<Row>(a, b, false), tolerance * 20) << Row::row.name;
                }
            }
        }
    });
}

TEST(Definitions, derivatives_agree_with_differences) {
    // The error of a central difference at these values: h² times a third derivative of at most 2^6, plus 1e-16/h.
    constexpr double h = 1e-5, error = 1e-7;
    for_each_elementwise([]<typename Row>(Row) {
        for (const double a : {-1.7, -0.3, 0.4, 2.1}) {
            if constexpr (Row::row.arity == 1) {
                const double difference = (Row::value(a + h) - Row::value(a - h)) / (2 * h);
                EXPECT_NEAR(Row::derivative(a, Row::value(a)), difference, error) << Row::row.name << "(" << a << ")";
            } else {
                const double b = 0.9;
                const auto [first, second] = Row::derivative(a, b, Row::value(a, b));
                EXPECT_NEAR(first, (Row::value(a + h, b) - Row::value(a - h, b)) / (2 * h), error) << Row::row.name;
                EXPECT_NEAR(second, (Row::value(a, b + h) - Row::value(a, b - h)) / (2 * h), error) << Row::row.name;
            }
        }
    });
}

TEST(Definitions, roots_and_logarithms_are_odd_and_zero_with_derivative_zero_at_zero) {
    EXPECT_EQ(rows::Sqrt::value(9.0), 3.0);
    EXPECT_EQ(rows::Sqrt::value(-9.0), -3.0);
    EXPECT_EQ(rows::Log::value(-std::exp(2.0)), -2.0);
    for (const double zero : {0.0, -0.0}) {
        EXPECT_EQ(rows::Sqrt::value(zero), 0.0);
        EXPECT_EQ(rows::Log::value(zero), 0.0);
        EXPECT_EQ(rows::Sqrt::derivative(zero, 0.0), 0.0);
        EXPECT_EQ(rows::Log::derivative(zero, 0.0), 0.0);
        EXPECT_EQ(rows::Sqrt::value(Dual{zero, 1.0}).slope, 0.0);
        EXPECT_EQ(rows::Log::value(Dual{zero, 1.0}).slope, 0.0);
    }
}

TEST(Definitions, ties_split_the_derivative) {
    EXPECT_EQ(rows::Max::derivative(2.0, 2.0, 2.0), std::pair(0.5, 0.5));
    EXPECT_EQ(rows::Max::derivative(3.0, 2.0, 3.0), std::pair(1.0, 0.0));
    EXPECT_EQ(rows::Max::derivative(2.0, 3.0, 3.0), std::pair(0.0, 1.0));
    EXPECT_EQ(rows::Abs::derivative(0.0, 0.0), 0.0);
}

TEST(Definitions, not_a_number_is_never_lost) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for_each_elementwise([nan]<typename Row>(Row) {
        if constexpr (Row::row.arity == 2) {
            EXPECT_TRUE(std::isnan(Row::value(nan, 1.0))) << Row::row.name;
            EXPECT_TRUE(std::isnan(Row::value(1.0, nan))) << Row::row.name;
        } else {
            EXPECT_TRUE(std::isnan(Row::value(nan))) << Row::row.name;
        }
    });
}

TEST(Definitions, moments_are_mean_root_mean_square_and_root_of_the_biased_variance) {
    // The set {1, 1, 4}, seen from its first value: its mean is 2, its mean square 6, its biased variance 2.
    const auto mean_of = [](double x) { return x == 1.0 ? 2.0 : x; };
    EXPECT_EQ(rows::Mean::value(rows::Mean::statistic(1.0, mean_of), 1e-5), 2.0);
    const auto mean_of_squares = [](double) { return 6.0; };
    EXPECT_EQ(rows::Rms::value(rows::Rms::statistic(1.0, mean_of_squares), 3.0), 3.0);
    // 5 in a set of mean 2, where all squared deviations are 9.
    EXPECT_EQ(rows::Std::statistic(5.0, [](double x) { return x == 5.0 ? 2.0 : x; }), 9.0);
    EXPECT_EQ(rows::Std::value(4.0, 5.0), 3.0);
}

/// The output of a graph without moments, if all values and slopes on the way are finite.
std::optional<Dual> run_pointwise(const LayerGraph& graph, const std::array<Dual, 4>& inputs) {
    const std::vector<bool> live = live_nodes(graph);
    std::vector<Dual> values;
    for (std::size_t i = 0; i < live.size(); ++i) {
        const Node& node = graph.nodes[i];
        if (!live[i]) {
            values.emplace_back();
            continue;
        }
        if (primitive(node.op).kind == Kind::initial) {
            values.push_back(inputs[static_cast<std::size_t>(node.op)]);
            continue;
        }
        for_each_elementwise([&]<typename Row>(Row) {
            if (Row::row.op != node.op) return;
            if constexpr (Row::row.arity == 2)
                values.push_back(Row::value(values[node.inputs[0]], values[node.inputs[1]]));
            else
                values.push_back(Row::value(values[node.inputs[0]]));
        });
        if (!std::isfinite(values.back().value) || !std::isfinite(values.back().slope)) return std::nullopt;
    }
    return values.back();
}

RC_GTEST_PROP(Canonical, keeps_values_and_derivatives_of_pointwise_graphs_at_ties_and_zeros, ()) {
    Space pointwise = paper_space(false);
    pointwise.moments.clear();
    pointwise.index_sets.clear();
    const LayerGraph graph = *random_graphs(pointwise);
    const LayerGraph simple = canonical(graph);
    for (const double x : points) {
        const std::array<Dual, 4> inputs{Dual{x, 1.0}, Dual{}, Dual{-1.0}, Dual{0.5}};
        const auto before = run_pointwise(graph, inputs), after = run_pointwise(simple, inputs);
        if (!before) continue;
        RC_ASSERT(after.has_value());
        RC_ASSERT(before->value == after->value);
        RC_ASSERT(before->slope == after->slope);
    }
}

TEST(Table, rows_are_complete_and_found_by_name) {
    for (const Primitive& row : all_primitives()) {
        EXPECT_EQ(find_op(row.name), row.op);
        EXPECT_EQ(&primitive(row.op), &row);
        EXPECT_FALSE(row.description.empty()) << row.name;
        EXPECT_GT(row.code, 0) << row.name;
        EXPECT_EQ(row.arity == 0, row.kind == Kind::initial) << row.name;
        for (const Notation& notation : {row.text, row.latex})
            for (int k = 1; k <= row.arity; ++k)
                EXPECT_NE(notation.pattern.find("#" + std::to_string(k)), std::string_view::npos) << row.name;
    }
    EXPECT_EQ(find_op("relu"), std::nullopt);
    for (const IndexSet set : index_sets) EXPECT_EQ(find_index_set(name(set)), set);
    EXPECT_EQ(find_index_set(""), std::nullopt);
}

TEST(Table, commutative_means_that_inputs_may_swap) {
    for_each_elementwise([]<typename Row>(Row) {
        if constexpr (Row::row.arity == 2) {
            EXPECT_EQ(Row::row.commutative, Row::value(2.5, 4.0) == Row::value(4.0, 2.5)) << Row::row.name;
        }
    });
}

}  // namespace
}  // namespace normact::primitives
