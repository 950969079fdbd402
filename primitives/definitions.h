#pragma once

// The table of primitives: one struct is one row. It says everything there is to say about a primitive, so that
// printers, parsers, engines and tests read it here and none of them lists operations. A new primitive is its id in Op
// and its row here, entered in the tuple at the end.
//
// Values and derivatives are templates over the type T of a value: double here, a tensor or an expression in an engine.
// T needs, found by argument-dependent lookup or as operators (ATen's names):
//     + - * / between T and T, T and double; unary -; T == double, which gives a condition
//     exp log sqrt abs tanh sigmoid sign (T), maximum (T, T), where (condition, double, T)
// log and sqrt are the plain ones and are only asked for positive values; sign(0) and sign(NaN) are 0;
// maximum(NaN, anything) is NaN.

#include "primitives/primitive.h"

#include <cmath>
#include <cstddef>
#include <tuple>
#include <utility>

namespace normact::primitives::rows {

inline double exp(double x) { return std::exp(x); }
inline double log(double x) { return std::log(x); }
inline double sqrt(double x) { return std::sqrt(x); }
inline double abs(double x) { return std::abs(x); }
inline double tanh(double x) { return std::tanh(x); }
inline double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
inline double sign(double x) { return static_cast<double>(x > 0.0) - static_cast<double>(x < 0.0); }
inline double maximum(double a, double b) { return a > b || std::isnan(a) ? a : b; }
inline double where(bool condition, double yes, double no) { return condition ? yes : no; }

/// x, but 1 where x is 0. Roots and logarithms go through it, so that not even an unused branch of a derivative is
/// infinite at 0: automatic differentiation would turn that into 0·∞ = NaN.
template <typename T>
T nonzero(const T& x) {
    return where(x == 0.0, 1.0, x);
}

// What rows of one kind have in common. The notations are the text form's and LaTeX's.

constexpr Primitive initial(Op op, std::uint8_t code, std::string_view name, std::string_view description,
                            std::string_view latex) {
    return {op, code, name, description, Kind::initial, 0, false, 0.0, {name}, {latex}};
}

enum class Order : std::uint8_t { matters, does_not_matter };

constexpr Primitive binary(Op op, std::uint8_t code, std::string_view name, std::string_view description, Order order,
                           double cost, Notation text, Notation latex) {
    const bool commutative = order == Order::does_not_matter;
    return {op, code, name, description, Kind::elementwise, 2, commutative, cost, text, latex};
}

constexpr Primitive unary(Op op, std::uint8_t code, std::string_view name, std::string_view description, double cost,
                          Notation text, Notation latex) {
    return {op, code, name, description, Kind::elementwise, 1, false, cost, text, latex};
}

constexpr Primitive moment(Op op, std::uint8_t code, std::string_view name, std::string_view description, double cost,
                           Notation text, Notation latex) {
    return {op, code, name, description, Kind::moment, 1, false, cost, text, latex};
}

// ---- initial nodes ----

struct X {
    static constexpr Primitive row = initial(Op::x, 1, "x", "the layer's input", "x");
};
struct Zero {
    static constexpr Primitive row = initial(Op::zero, 2, "zero", "zero everywhere", "0");
};
struct V0 {
    static constexpr Primitive row = initial(Op::v0, 3, "v0", "trainable, one value a channel, starts at 0", "v_0");
};
struct V1 {
    static constexpr Primitive row = initial(Op::v1, 4, "v1", "trainable, one value a channel, starts at 1", "v_1");
};

// ---- elementwise, two inputs: value(a, b), and derivative(a, b, value) as the pair of partial derivatives,
//      each a T or a double ----

struct Add {
    static constexpr Primitive row = binary(Op::add, 5, "add", "a + b", Order::does_not_matter, 1.0,
                                            {"#1 + #2", Binding::sum, {Binding::sum, Binding::product}},
                                            {"#1 + #2", Binding::sum, {Binding::sum, Binding::product}});
    template <typename T>
    static T value(const T& a, const T& b) {
        return a + b;
    }
    template <typename T>
    static auto derivative(const T&, const T&, const T&) {
        return std::pair(1.0, 1.0);
    }
};

struct Mul {
    static constexpr Primitive row = binary(Op::mul, 6, "mul", "a * b", Order::does_not_matter, 1.0,
                                            {"#1*#2", Binding::product, {Binding::product, Binding::prefix}},
                                            {"#1 \\, #2", Binding::product, {Binding::product, Binding::power}});
    template <typename T>
    static T value(const T& a, const T& b) {
        return a * b;
    }
    template <typename T>
    static auto derivative(const T& a, const T& b, const T&) {
        return std::pair(b, a);
    }
};

struct Div {
    static constexpr Primitive row =
        binary(Op::div, 7, "div", "a / b", Order::matters, 4.0,
               {"#1/#2", Binding::product, {Binding::product, Binding::prefix}}, {"\\frac{#1}{#2}", Binding::power});
    template <typename T>
    static T value(const T& a, const T& b) {
        return a / b;
    }
    template <typename T>
    static auto derivative(const T&, const T& b, const T& y) {
        return std::pair(T(1.0 / b), T(-y / b));
    }
};

struct Max {
    static constexpr Primitive row =
        binary(Op::max, 8, "max", "the larger of a and b; a tie gives each half of the derivative",
               Order::does_not_matter, 1.0, {"max(#1, #2)"}, {"\\max\\left(#1, #2\\right)"});
    template <typename T>
    static T value(const T& a, const T& b) {
        return maximum(a, b);
    }
    template <typename T>
    static auto derivative(const T& a, const T& b, const T&) {
        const T larger = sign(a - b) * 0.5;
        return std::pair(T(0.5 + larger), T(0.5 - larger));
    }
};

// ---- elementwise, one input: value(x), derivative(x, value) ----

struct Neg {
    static constexpr Primitive row = unary(Op::neg, 9, "neg", "-x", 1.0, {"-#1", Binding::prefix, {Binding::prefix}},
                                           {"-#1", Binding::sum, {Binding::product}});
    template <typename T>
    static T value(const T& x) {
        return -x;
    }
    template <typename T>
    static auto derivative(const T&, const T&) {
        return -1.0;
    }
};

struct Abs {
    static constexpr Primitive row =
        unary(Op::abs, 10, "abs", "|x|; the derivative at 0 is 0", 1.0, {"abs(#1)"}, {"\\left|#1\\right|"});
    template <typename T>
    static T value(const T& x) {
        return abs(x);
    }
    template <typename T>
    static T derivative(const T& x, const T&) {
        return sign(x);
    }
};

struct Square {
    static constexpr Primitive row =
        unary(Op::square, 11, "square", "x * x", 1.0, {"square(#1)"}, {"#1^{2}", Binding::power, {Binding::atom}});
    template <typename T>
    static T value(const T& x) {
        return x * x;
    }
    template <typename T>
    static T derivative(const T& x, const T&) {
        return 2.0 * x;
    }
};

struct Sqrt {
    static constexpr Primitive row = unary(Op::sqrt, 12, "sqrt", "sign(x) * sqrt(|x|); 0 with derivative 0 at 0", 6.0,
                                           {"sqrt(#1)"}, {"\\sqrt[\\pm]{#1}", Binding::power});
    template <typename T>
    static T value(const T& x) {
        return sign(x) * sqrt(nonzero(T(abs(x))));
    }
    template <typename T>
    static T derivative(const T& x, const T&) {
        return where(x == 0.0, 0.0, T(0.5 / sqrt(nonzero(T(abs(x))))));
    }
};

struct Log {
    static constexpr Primitive row = unary(Op::log, 13, "log", "sign(x) * ln(|x|); 0 with derivative 0 at 0", 20.0,
                                           {"log(#1)"}, {"\\ln_{\\pm}\\left(#1\\right)"});
    template <typename T>
    static T value(const T& x) {
        return sign(x) * log(nonzero(T(abs(x))));
    }
    template <typename T>
    static T derivative(const T& x, const T&) {
        return where(x == 0.0, 0.0, T(1.0 / nonzero(T(abs(x)))));
    }
};

struct Exp {
    static constexpr Primitive row =
        unary(Op::exp, 14, "exp", "e to the power x", 15.0, {"exp(#1)"}, {"e^{#1}", Binding::power});
    template <typename T>
    static T value(const T& x) {
        return exp(x);
    }
    template <typename T>
    static T derivative(const T&, const T& y) {
        return y;
    }
};

struct Sigmoid {
    static constexpr Primitive row =
        unary(Op::sigmoid, 15, "sigmoid", "1 / (1 + exp(-x))", 20.0, {"sigmoid(#1)"}, {"\\sigma\\left(#1\\right)"});
    template <typename T>
    static T value(const T& x) {
        return sigmoid(x);
    }
    template <typename T>
    static T derivative(const T&, const T& y) {
        return y * (1.0 - y);
    }
};

struct Tanh {
    static constexpr Primitive row =
        unary(Op::tanh, 16, "tanh", "hyperbolic tangent", 20.0, {"tanh(#1)"}, {"\\tanh\\left(#1\\right)"});
    template <typename T>
    static T value(const T& x) {
        return tanh(x);
    }
    template <typename T>
    static T derivative(const T&, const T& y) {
        return 1.0 - y * y;
    }
};

// ---- moments: statistic(x, mean) is what moving averages follow, value(statistic, epsilon) the moment itself.
//      mean(T) gives the mean over the index set, broadcast back. Sums are taken of centered values, never as
//      E[x²] - E[x]². ----

struct Mean {
    static constexpr Primitive row =
        moment(Op::mean, 17, "mean", "mean over the index set", 2.0, {"mean_#S(#1)"}, {"\\mu_{#S}\\left(#1\\right)"});
    static constexpr double initial_average = 0.0;
    template <typename T, typename MeanOver>
    static T statistic(const T& x, MeanOver&& mean) {
        return mean(x);
    }
    template <typename T>
    static T value(const T& statistic, double) {
        return statistic;
    }
};

struct Rms {
    static constexpr Primitive row =
        moment(Op::rms, 18, "rms", "root of the mean square over the index set, epsilon inside the root", 3.0,
               {"rms_#S(#1)"}, {"\\sqrt{\\mu_{#S}\\left(#1^{2}\\right)}", Binding::power, {Binding::atom}});
    static constexpr double initial_average = 1.0;
    template <typename T, typename MeanOver>
    static T statistic(const T& x, MeanOver&& mean) {
        return mean(x * x);
    }
    template <typename T>
    static T value(const T& statistic, double epsilon) {
        return sqrt(statistic + epsilon);
    }
};

struct Std {
    static constexpr Primitive row =
        moment(Op::std, 19, "std", "root of the biased variance over the index set, epsilon inside the root", 5.0,
               {"std_#S(#1)"}, {"\\sqrt{s^{2}_{#S}\\left(#1\\right)}", Binding::power});
    static constexpr double initial_average = 1.0;
    template <typename T, typename MeanOver>
    static T statistic(const T& x, MeanOver&& mean) {
        const T centered = x - mean(x);
        return mean(centered * centered);
    }
    template <typename T>
    static T value(const T& statistic, double epsilon) {
        return sqrt(statistic + epsilon);
    }
};

// ---- the rows in the order of Op ----

using Initial = std::tuple<X, Zero, V0, V1>;
using Elementwise = std::tuple<Add, Mul, Div, Max, Neg, Abs, Square, Sqrt, Log, Exp, Sigmoid, Tanh>;
using Moments = std::tuple<Mean, Rms, Std>;

/// How many primitives there are: the length of a table by Op.
inline constexpr std::size_t count =
    std::tuple_size_v<Initial> + std::tuple_size_v<Elementwise> + std::tuple_size_v<Moments>;

/// Calls visitor(Row{}) for each elementwise primitive: an engine fills its dispatch table with it.
template <typename Visitor>
constexpr void for_each_elementwise(Visitor&& visitor) {
    std::apply([&](auto... row) { (visitor(row), ...); }, Elementwise{});
}

/// Calls visitor(Row{}) for each moment.
template <typename Visitor>
constexpr void for_each_moment(Visitor&& visitor) {
    std::apply([&](auto... row) { (visitor(row), ...); }, Moments{});
}

}  // namespace normact::primitives::rows
