#include "evaluator/value.h"

#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>
#include <torch/csrc/autograd/custom_function.h>

namespace normact::evaluator {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// a / b. The derivative in b comes from the quotient: ATen's own divides twice more by b.
struct Quotient : Function<Quotient> {
    static at::Tensor forward(AutogradContext* context, const at::Tensor& a, const at::Tensor& b) {
        at::Tensor quotient = a / b;
        context->save_for_backward({b, quotient});
        context->saved_data["shape of a"] = a.sizes();
        return quotient;
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        const at::Tensor& b = saved[0];
        const at::Tensor& quotient = saved[1];
        const std::vector<std::int64_t> shape_of_a = context->saved_data["shape of a"].toIntVector();
        const at::Tensor in_a = gradients[0] / b;
        at::Tensor in_b;
        if (context->needs_input_grad(1)) in_b = -at::sum_to(in_a * quotient, b.sizes());
        return {at::sum_to(in_a, shape_of_a), in_b};
    }
};

bool is_zero(const at::Tensor& tensor) { return tensor.numel() == 1 && tensor.item<double>() == 0.0; }

/// max(a, b). ATen's own derivative selects by boolean tensors, which costs 20 times as much as this on a CPU.
struct Maximum : Function<Maximum> {
    static at::Tensor forward(AutogradContext* context, const at::Tensor& a, const at::Tensor& b) {
        context->save_for_backward({a, b});
        return at::maximum(a, b);
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        const at::Tensor& gradient = gradients[0];
        at::Tensor side;  // 1 where a is larger, -1 where b is, 0 at a tie
        {
            const at::NoGradGuard constant_almost_everywhere;
            side = is_zero(saved[1]) ? saved[0].sign() : (saved[0] - saved[1]).sign_();
        }
        at::Tensor in_a = gradient * 0.5;
        in_a = at::GradMode::is_enabled() ? at::addcmul(in_a, in_a, side) : in_a.addcmul_(in_a, side);
        at::Tensor in_b;
        if (context->needs_input_grad(1)) in_b = at::sum_to(gradient - in_a, saved[1].sizes());
        return {at::sum_to(in_a, saved[0].sizes()), in_b};
    }
};

bool smaller(const at::Tensor& a, const at::Tensor& b) { return a.numel() < b.numel(); }

}  // namespace

Value operator+(const Value& a, const Value& b) { return {a.tensor + b.tensor}; }
Value operator-(const Value& a, const Value& b) {
    // a + (-b) is the same number; its derivative negates the small tensor instead of the large one.
    return {smaller(b.tensor, a.tensor) ? a.tensor + (-b.tensor) : a.tensor - b.tensor};
}
Value operator*(const Value& a, const Value& b) { return {a.tensor * b.tensor}; }
Value operator/(const Value& a, const Value& b) { return {Quotient::apply(a.tensor, b.tensor)}; }
Value operator-(const Value& a) { return {-a.tensor}; }

Value operator+(const Value& a, double b) { return {a.tensor + b}; }
Value operator+(double a, const Value& b) { return {b.tensor + a}; }
Value operator-(const Value& a, double b) { return {a.tensor - b}; }
Value operator-(double a, const Value& b) { return {at::rsub(b.tensor, a)}; }
Value operator*(const Value& a, double b) { return {a.tensor * b}; }
Value operator*(double a, const Value& b) { return {b.tensor * a}; }
Value operator/(const Value& a, double b) { return {a.tensor / b}; }
Value operator/(double a, const Value& b) { return {at::reciprocal(b.tensor) * a}; }

Condition operator==(const Value& a, double b) { return {a.tensor == b}; }
Value where(const Condition& condition, double yes, const Value& no) {
    return {no.tensor.masked_fill(condition.tensor, yes)};
}

Value exp(const Value& a) { return {a.tensor.exp()}; }
Value log(const Value& a) { return {a.tensor.log()}; }
Value sqrt(const Value& a) { return {a.tensor.sqrt()}; }
Value abs(const Value& a) { return {a.tensor.abs()}; }
Value tanh(const Value& a) { return {a.tensor.tanh()}; }
Value sigmoid(const Value& a) { return {a.tensor.sigmoid()}; }
Value sign(const Value& a) { return {a.tensor.sign()}; }
Value maximum(const Value& a, const Value& b) { return {Maximum::apply(a.tensor, b.tensor)}; }

}  // namespace normact::evaluator
