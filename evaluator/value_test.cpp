#include "evaluator/value.h"

#include "evaluator/mean.h"
#include "primitives/definitions.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;

at::Tensor row(const std::vector<double>& values) { return at::tensor(values, at::kDouble).view({1, -1, 1, 1}); }

TEST(Value, maximum_has_the_derivative_that_aten_gives_it) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const std::vector<double> left{1, 2, 3, 0, -0.0, infinity, -infinity}, right{2, 2, 1, -0.0, 0, infinity, 0};
    const at::Tensor a = row(left).requires_grad_(), b = row(right).requires_grad_();
    const at::Tensor expected_a = row(left).requires_grad_(), expected_b = row(right).requires_grad_();
    const at::Tensor weights = at::arange(1, 8, at::kDouble).view({1, -1, 1, 1});
    maximum({a}, {b}).tensor.backward(weights);
    at::maximum(expected_a, expected_b).backward(weights);
    EXPECT_TRUE(a.grad().equal(expected_a.grad())) << a.grad().flatten() << expected_a.grad().flatten();
    EXPECT_TRUE(b.grad().equal(expected_b.grad())) << b.grad().flatten() << expected_b.grad().flatten();
}

TEST(Value, quotient_has_the_derivative_that_aten_gives_it) {
    at::manual_seed(1);
    const at::Tensor a = at::randn({2, 3, 2, 2}, at::kDouble), b = at::rand({1, 3, 1, 1}, at::kDouble) + 0.5;
    const at::Tensor weights = at::randn({2, 3, 2, 2}, at::kDouble);
    const auto gradients = [&](auto divide) {
        const at::Tensor c = a.clone().requires_grad_(), d = b.clone().requires_grad_();
        divide(c, d).backward(weights);
        return std::pair(c.grad(), d.grad());
    };
    const auto own = gradients([](const at::Tensor& c, const at::Tensor& d) { return (Value{c} / Value{d}).tensor; });
    const auto aten = gradients([](const at::Tensor& c, const at::Tensor& d) { return c / d; });
    EXPECT_TRUE(own.first.allclose(aten.first, 1e-13, 1e-13));
    EXPECT_TRUE(own.second.allclose(aten.second, 1e-13, 1e-13));
}

/// What a row calls a derivative, as a tensor: it may be a plain number.
at::Tensor as_tensor(const Value& derivative, const at::Tensor& like) { return derivative.tensor.expand_as(like); }
at::Tensor as_tensor(double derivative, const at::Tensor& like) { return at::full_like(like, derivative); }

/// Engines that differentiate by hand take derivatives from the table; autograd differentiates the table's values.
TEST(Value, rows_derivatives_are_those_of_their_values) {
    const std::vector<double> left{-2, -0.5, 0, 0, 0.5, 1, 3}, right{1, -0.5, 0.3, -2, 0.7, 1, -1};
    primitives::rows::for_each_elementwise([&]<typename Row>(Row) {
        const at::Tensor a = row(left).requires_grad_(), b = row(right).requires_grad_();
        const Value first{a.detach()}, second{b.detach()};
        if constexpr (Row::row.arity == 2) {
            Row::value(Value{a}, Value{b}).tensor.sum().backward();
            const auto [of_a, of_b] = Row::derivative(first, second, Row::value(first, second));
            EXPECT_TRUE(a.grad().allclose(as_tensor(of_a, a), 1e-13, 1e-13)) << Row::row.name;
            EXPECT_TRUE(b.grad().allclose(as_tensor(of_b, b), 1e-13, 1e-13)) << Row::row.name;
        } else {
            Row::value(Value{a}).tensor.sum().backward();
            EXPECT_TRUE(a.grad().allclose(as_tensor(Row::derivative(first, Row::value(first)), a), 1e-13, 1e-13))
                << Row::row.name;
        }
    });
}

TEST(Value, mean_stays_as_small_as_it_is) {
    const Value x{at::randn({2, 6, 4, 5})}, channels{at::randn({1, 6, 1, 1})};
    EXPECT_EQ(mean(x, IndexSet::batch, 3).tensor.sizes(), at::IntArrayRef({1, 6, 1, 1}));
    EXPECT_EQ(mean(x, IndexSet::instance, 3).tensor.sizes(), at::IntArrayRef({2, 6, 1, 1}));
    EXPECT_EQ(mean(x, IndexSet::layer, 3).tensor.sizes(), at::IntArrayRef({2, 1, 1, 1}));
    EXPECT_EQ(mean(x, IndexSet::group, 3).tensor.sizes(), at::IntArrayRef({2, 6, 1, 1}));
    EXPECT_TRUE(mean(channels, IndexSet::instance, 3).tensor.equal(channels.tensor));
    EXPECT_EQ(mean(channels, IndexSet::group, 3).tensor.sizes(), at::IntArrayRef({1, 6, 1, 1}));
}

}  // namespace
}  // namespace normact::evaluator
