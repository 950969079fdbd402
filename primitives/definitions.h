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

constexpr Primitive initial(Op op, std::uint8_t code, std::string_view name, std::string_view description,
                            std::string_view latex) {
    return {op, code, name, description, Kind::initial, 0, false, 0.0, {name}, {latex}};
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
    static constexpr Primitive row{.op = Op::add,
                                   .code = 5,
                                   .name = "add",
                                   .description = "a + b",
                                   .kind = Kind::elementwise,
                                   .arity = 2,
                                   .commutative = true,
                                   .cost = 1.0,
                                   .text = {"#1 + #2", Binding::sum, {Binding::sum, Binding::product}},
                                   .latex = {"#1 + #2", Binding::sum, {Binding::sum, Binding::product}}};
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
    static constexpr Primitive row{.op = Op::mul,
                                   .code = 6,
                                   .name = "mul",
                                   .description = "a * b",
                                   .kind = Kind::elementwise,
                                   .arity = 2,
                                   .commutative = true,
                                   .cost = 1.0,
                                   .text = {"#1*#2", Binding::product, {Binding::product, Binding::prefix}},
                                   .latex = {"#1 \\, #2", Binding::product, {Binding::product, Binding::power}}};
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
    static constexpr Primitive row{.op = Op::div,
                                   .code = 7,
                                   .name = "div",
                                   .description = "a / b",
                                   .kind = Kind::elementwise,
                                   .arity = 2,
                                   .commutative = false,
                                   .cost = 4.0,
                                   .text = {"#1/#2", Binding::product, {Binding::product, Binding::prefix}},
                                   .latex = {"\\frac{#1}{#2}", Binding::power, {}}};
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
    static constexpr Primitive row{.op = Op::max,
                                   .code = 8,
                                   .name = "max",
                                   .description = "the larger of a and b; a tie gives each half of the derivative",
                                   .kind = Kind::elementwise,
                                   .arity = 2,
                                   .commutative = true,
                                   .cost = 1.0,
                                   .text = {"max(#1, #2)", Binding::atom, {}},
                                   .latex = {"\\max\\left(#1, #2\\right)", Binding::atom, {}}};
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
    static constexpr Primitive row{.op = Op::neg,
                                   .code = 9,
                                   .name = "neg",
                                   .description = "-x",
                                   .kind = Kind::elementwise,
                                   .arity = 1,
                                   .commutative = false,
                                   .cost = 1.0,
                                   .text = {"-#1", Binding::prefix, {Binding::prefix}},
                                   .latex = {"-#1", Binding::sum, {Binding::product}}};
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
    static constexpr Primitive row{.op = Op::abs,
                                   .code = 10,
                                   .name = "abs",
                                   .description = "|x|; the derivative at 0 is 0",
                                   .kind = Kind::elementwise,
                                   .arity = 1,
                                   .commutative = false,
                                   .cost = 1.0,
                                   .text = {"abs(#1)", Binding::atom, {}},
                                   .latex = {"\\left|#1\\right|", Binding::atom, {}}};
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
    static constexpr Primitive row{.op = Op::square,
                                   .code = 11,
                                   .name = "square",
                                   .description = "x * x",
                                   .kind = Kind::elementwise,
                                   .arity = 1,
                                   .commutative = false,
                                   .cost = 1.0,
                                   .text = {"square(#1)", Binding::atom, {}},
                                   .latex = {"#1^{2}", Binding::power, {Binding::atom}}};
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
    static constexpr Primitive row{.op = Op::sqrt,
                                   .code = 12,
                                   .name = "sqrt",
                                   .description = "sign(x) * sqrt(|x|); 0 with derivative 0 at 0",
                                   .kind = Kind::elementwise,
                                   .arity = 1,
                                   .commutative = false,
                                   .cost = 6.0,
                                   .text = {"sqrt(#1)", Binding::atom, {}},
                                   .latex = {"\\sqrt[\\pm]{#1}", Binding::power, {}}};
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
    static constexpr Primitive row{.op = Op::log,
                                   .code = 13,
                                   .name = "log",
                                   .description = "sign(x) * ln(|x|); 0 with derivative 0 at 0",
                                   .kind = Kind::elementwise,
                                   .arity = 1,
                                   .commutative = false,
                                   .cost = 20.0,
                                   .text = {"log(#1)", Binding::atom, {}},
                                   .latex = {"\\ln_{\\pm}\\left(#1\\right)", Binding::atom, {}}};
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
    static constexpr Primitive row{.op = Op::exp,
                                   .code = 14,
                                   .name = "exp",
                                   .description = "e to the power x",
                                   .kind = Kind::elementwise,
                                   .arity = 1,
                                   .commutative = false,
                                   .cost = 15.0,
                                   .text = {"exp(#1)", Binding::atom, {}},
                                   .latex = {"e^{#1}", Binding::power, {}}};
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
    static constexpr Primitive row{.op = Op::sigmoid,
                                   .code = 15,
                                   .name = "sigmoid",
                                   .description = "1 / (1 + exp(-x))",
                                   .kind = Kind::elementwise,
                                   .arity = 1,
                                   .commutative = false,
                                   .cost = 20.0,
                                   .text = {"sigmoid(#1)", Binding::atom, {}},
                                   .latex = {"\\sigma\\left(#1\\right)", Binding::atom, {}}};
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
    static constexpr Primitive row{.op = Op::tanh,
                                   .code = 16,
                                   .name = "tanh",
                                   .description = "hyperbolic tangent",
                                   .kind = Kind::elementwise,
                                   .arity = 1,
                                   .commutative = false,
                                   .cost = 20.0,
                                   .text = {"tanh(#1)", Binding::atom, {}},
                                   .latex = {"\\tanh\\left(#1\\right)", Binding::atom, {}}};
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
    static constexpr Primitive row{.op = Op::mean,
                                   .code = 17,
                                   .name = "mean",
                                   .description = "mean over the index set",
                                   .kind = Kind::moment,
                                   .arity = 1,
                                   .commutative = false,
                                   .cost = 2.0,
                                   .text = {"mean_#S(#1)", Binding::atom, {}},
                                   .latex = {"\\mu_{#S}\\left(#1\\right)", Binding::atom, {}}};
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
    static constexpr Primitive row{
        .op = Op::rms,
        .code = 18,
        .name = "rms",
        .description = "root of the mean square over the index set, epsilon inside the root",
        .kind = Kind::moment,
        .arity = 1,
        .commutative = false,
        .cost = 3.0,
        .text = {"rms_#S(#1)", Binding::atom, {}},
        .latex = {"\\sqrt{\\mu_{#S}\\left(#1^{2}\\right)}", Binding::power, {Binding::atom}}};
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
    static constexpr Primitive row{
        .op = Op::std,
        .code = 19,
        .name = "std",
        .description = "root of the biased variance over the index set, epsilon inside the root",
        .kind = Kind::moment,
        .arity = 1,
        .commutative = false,
        .cost = 5.0,
        .text = {"std_#S(#1)", Binding::atom, {}},
        .latex = {"\\sqrt{s^{2}_{#S}\\left(#1\\right)}", Binding::power, {}}};
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
