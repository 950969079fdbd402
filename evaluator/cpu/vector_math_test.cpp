// exp, log, sigmoid and tanh of all kinds of kernels, over the whole range of float32, against the C library in double
// and against each other.

#include "evaluator/cpu/kernel_makers.h"
#include "evaluator/cpu/tile_interpreter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace normact::evaluator::cpu {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// operation(x) as a kernel computes it.
class Function {
  public:
    Function(const KernelMaker& maker, Operation operation) : lanes_(maker.lanes()) {
        PassCode code;
        code.inputs = 1;
        code.steps = {{operation, {Operand{Operand::Kind::input, 0}}}};
        code.outputs = {{Operand::Kind::step, 0}};
        kernel_ = maker.make(code, ElementType::float32, Layout::contiguous);
    }

    std::vector<float> operator()(const std::vector<float>& x) const {
        std::vector<float> y(x.size());
        const void* input = x.data();
        void* output = y.data();
        const auto size = static_cast<std::int64_t>(x.size());
        kernel_->run({.inputs = &input, .outputs = &output, .columns = size / lanes_, .lanes_left = size % lanes_});
        return y;
    }

  private:
    std::int64_t lanes_;
    std::unique_ptr<const Kernel> kernel_;
};

/// In units of the last place of the exact result, those of the smallest normal number below it.
double ulp_error(float found, double exact) {
    const auto nearest = static_cast<float>(exact);
    if (found == nearest || (std::isnan(found) && std::isnan(exact))) return 0;
    if (!std::isfinite(found) || !std::isfinite(nearest)) {
        // Where the exact result rounds to infinity only just, the largest number is one place away.
        const float large = std::numeric_limits<float>::max();
        return (std::abs(found) == large || std::abs(nearest) == large) && found * nearest > 0 ? 1.0 : HUGE_VAL;
    }
    const int exponent = std::max(std::ilogb(exact == 0 ? 1e-300 : exact), -126);
    return std::abs(found - exact) / std::ldexp(1.0, exponent - 23);
}

struct Bound {
    Operation operation;
    double (*exact)(double);
    double ulp;
    double least = 0;  ///< a smaller result may be 0
};

const std::array bounds{Bound{Operation::exp, std::exp, 2.0}, Bound{Operation::log, std::log, 2.0},
                        Bound{Operation::tanh, std::tanh, 3.0},
                        Bound{Operation::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, 3.0, 0x1p-127}};

/// Each so many of the 2^32 float32, NaN, infinities and subnormal numbers among them.
std::vector<float> samples(bool positive, std::uint64_t step = 1009) {
    std::vector<float> x{0.0F, infinity, std::numeric_limits<float>::quiet_NaN(), 1.0F, 88.0F, 88.9F, 1e-45F};
    const std::uint64_t end = positive ? 0x80000000 : 0x100000000;
    for (std::uint64_t bits = 1; bits < end; bits += step)
        x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    if (!positive) x.insert(x.end(), {-0.0F, -infinity, -88.0F, -103.9F, -104.1F});
    return x;
}

TEST(VectorMath, keeps_its_bounds_over_the_whole_range) {
    for (const KernelMaker* maker : kernel_makers())
        for (const auto& [operation, exact, bound, least] : bounds) {
            const std::vector<float> x = samples(operation == Operation::log);
            const std::vector<float> y = Function(*maker, operation)(x);
            double worst = 0;
            float at = 0;
            for (std::size_t i = 0; i < x.size(); ++i) {
                const double result = exact(x[i]);
                if (y[i] == 0 && std::abs(result) < least) continue;
                const double error = ulp_error(y[i], result);
                if (!(error <= worst)) worst = error, at = x[i];
            }
            EXPECT_LE(worst, bound) << maker->name() << " " << row_of(operation).name << "(" << at << ")";
            RecordProperty(std::string(maker->name()) + "_" + std::string(row_of(operation).name),
                           std::to_string(worst));
        }
}

TEST(VectorMath, is_the_same_to_the_last_bit_by_all_instruction_sets) {
    const std::vector<float> x = samples(/*positive=*/false, 1'000'003);
    for (const Operation operation :
         {Operation::exp, Operation::log, Operation::tanh, Operation::sigmoid, Operation::sign, Operation::sqrt}) {
        const std::vector<float> first = Function(*kernel_makers().front(), operation)(x);
        for (const KernelMaker* maker : kernel_makers()) {
            if (maker == &tile_interpreter()) continue;
            const std::vector<float> y = Function(*maker, operation)(x);
            for (std::size_t i = 0; i < x.size(); ++i)
                ASSERT_EQ(std::bit_cast<std::uint32_t>(first[i]), std::bit_cast<std::uint32_t>(y[i]))
                    << row_of(operation).name << "(" << x[i] << ")";
        }
    }
}

TEST(VectorMath, has_the_limits_of_the_c_library) {
    for (const KernelMaker* maker : kernel_makers()) {
        EXPECT_EQ(Function(*maker, Operation::log)({0.0F}), std::vector{-infinity});
        EXPECT_EQ(Function(*maker, Operation::exp)({-infinity, infinity}), (std::vector{0.0F, infinity}));
        EXPECT_EQ(Function(*maker, Operation::tanh)({-infinity, infinity}), (std::vector{-1.0F, 1.0F}));
        EXPECT_EQ(Function(*maker, Operation::sigmoid)({-infinity, infinity}), (std::vector{0.0F, 1.0F}));
        EXPECT_EQ(Function(*maker, Operation::sign)({-0.0F, -2.0F, 3.0F, NAN}), (std::vector{0.0F, -1.0F, 1.0F, 0.0F}));
    }
}

}  // namespace
}  // namespace normact::evaluator::cpu
