#pragma once

#include <ATen/core/Tensor.h>

namespace normact::evaluator {

/// The value of a node while the composed engine runs: a tensor of four dimensions [N|1, C|1, H|1, W|1] that is
/// broadcast only when it meets a larger one. It has every operation that the rows of primitives/definitions.h ask for,
/// differentiable twice, and each chosen for a cheap derivative when a small value meets a large one.
struct Value {
    at::Tensor tensor;
};

Value operator+(const Value& a, const Value& b);
Value operator-(const Value& a, const Value& b);
Value operator*(const Value& a, const Value& b);
Value operator/(const Value& a, const Value& b);
Value operator-(const Value& a);

Value operator+(const Value& a, double b);
Value operator+(double a, const Value& b);
Value operator-(const Value& a, double b);
Value operator-(double a, const Value& b);
Value operator*(const Value& a, double b);
Value operator*(double a, const Value& b);
Value operator/(const Value& a, double b);
Value operator/(double a, const Value& b);

/// True, elementwise, where a value equals a number.
struct Condition {
    at::Tensor tensor;
};
Condition operator==(const Value& a, double b);
Value where(const Condition& condition, double yes, const Value& no);

Value exp(const Value& a);
Value log(const Value& a);
Value sqrt(const Value& a);
Value abs(const Value& a);
Value tanh(const Value& a);
Value sigmoid(const Value& a);
Value sign(const Value& a);
/// The larger of a and b. At a tie each gets half of the derivative, as in ATen.
Value maximum(const Value& a, const Value& b);

}  // namespace normact::evaluator
