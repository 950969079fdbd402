#pragma once

#include "evaluator/program_builder.h"

namespace normact::evaluator {

/// A value of a program under construction, with the operations that primitives/definitions.h asks for: what is written
/// with symbols is appended to the program. Its builder must outlive it.
struct Symbol {
    ProgramBuilder* builder;
    ValueId id;
};

inline Symbol apply(Operation operation, Symbol a) { return {a.builder, a.builder->apply(operation, a.id)}; }
inline Symbol apply(Operation operation, Symbol a, Symbol b) {
    return {a.builder, a.builder->apply(operation, a.id, b.id)};
}
inline Symbol number(Symbol like, double value) { return {like.builder, like.builder->constant(value)}; }
inline Symbol mean(primitives::IndexSet set, Symbol a) { return {a.builder, a.builder->mean(set, a.id)}; }

inline Symbol operator+(Symbol a, Symbol b) { return apply(Operation::add, a, b); }
inline Symbol operator-(Symbol a, Symbol b) { return apply(Operation::subtract, a, b); }
inline Symbol operator*(Symbol a, Symbol b) { return apply(Operation::multiply, a, b); }
inline Symbol operator/(Symbol a, Symbol b) { return apply(Operation::divide, a, b); }
inline Symbol operator-(Symbol a) { return apply(Operation::negate, a); }

inline Symbol operator+(Symbol a, double b) { return a + number(a, b); }
inline Symbol operator+(double a, Symbol b) { return number(b, a) + b; }
inline Symbol operator-(Symbol a, double b) { return a - number(a, b); }
inline Symbol operator-(double a, Symbol b) { return number(b, a) - b; }
inline Symbol operator*(Symbol a, double b) { return a * number(a, b); }
inline Symbol operator*(double a, Symbol b) { return number(b, a) * b; }
inline Symbol operator/(Symbol a, double b) { return a / number(a, b); }
inline Symbol operator/(double a, Symbol b) { return number(b, a) / b; }

/// True, elementwise, where a value is 0.
struct IsZero {
    Symbol value;
};
inline IsZero operator==(Symbol a, double b) { return {a - b}; }
inline Symbol where(IsZero condition, Symbol yes, Symbol no) {
    ProgramBuilder& builder = *condition.value.builder;
    return {&builder, builder.apply(Operation::where_zero, condition.value.id, yes.id, no.id)};
}
inline Symbol where(IsZero condition, double yes, Symbol no) { return where(condition, number(no, yes), no); }

inline Symbol exp(Symbol a) { return apply(Operation::exp, a); }
inline Symbol log(Symbol a) { return apply(Operation::log, a); }
inline Symbol sqrt(Symbol a) { return apply(Operation::sqrt, a); }
inline Symbol abs(Symbol a) { return apply(Operation::abs, a); }
inline Symbol tanh(Symbol a) { return apply(Operation::tanh, a); }
inline Symbol sigmoid(Symbol a) { return apply(Operation::sigmoid, a); }
inline Symbol sign(Symbol a) { return apply(Operation::sign, a); }
inline Symbol maximum(Symbol a, Symbol b) { return apply(Operation::maximum, a, b); }

}  // namespace normact::evaluator
