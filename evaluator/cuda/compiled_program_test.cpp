// What the host does: which kernels are compiled, loaded and launched for which tensors.

#include "evaluator/cuda/compiled_program.h"

#include "evaluator/cuda/emulated_driver.h"
#include "evaluator/layer_programs.h"
#include "primitives/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <stdexcept>

namespace normact::evaluator::cuda {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

Program forward(const char* text) {
    return layer_programs(primitives::parse_text(text), 1e-5, /*training=*/true).forward;
}

/// Memory for a program, far more than small shapes need.
class Memory {
  public:
    explicit Memory(const Program& program) {
        for (std::size_t i = 0; i < program.inputs.size(); ++i) data.inputs.push_back(next());
        for (std::size_t k = 0; k < program.outputs.size(); ++k) data.outputs.push_back(next());
        data.tables = reinterpret_cast<double*>(next());
    }
    ProgramData data;

  private:
    float* next() {
        parts_.push_back(std::make_unique<Part>());
        return parts_.back()->numbers.data();
    }
    struct alignas(16) Part {
        std::array<float, 1 << 14> numbers{};
    };
    std::vector<std::unique_ptr<Part>> parts_;
};

TEST(CompiledProgram, loads_its_kernels_once_for_each_kind_of_shape_and_device) {
    const auto log = std::make_shared<DriverLog>();
    const Program program = forward("(x - mean_batch(x))/std_batch(x)");
    const CompiledProgram compiled(program, ElementType::float32, emulated_loader(log));
    const Memory memory(program);
    const auto loads = [&] { return std::ranges::count(*log, "load sweep_0"); };
    compiled.run({2, 4, 16, false, 4}, memory.data, 0, nullptr);
    EXPECT_EQ(loads(), 1);
    compiled.run({3, 8, 64, false, 8}, memory.data, 0, nullptr);
    EXPECT_EQ(loads(), 1) << "of the same kind";
    compiled.run({2, 4, 15, false, 4}, memory.data, 0, nullptr);
    EXPECT_EQ(loads(), 2) << "other vectors";
    compiled.run({2, 4, 16, true, 4}, memory.data, 0, nullptr);
    EXPECT_EQ(loads(), 3) << "channels_last";
    compiled.run({2, 4, 16, false, 4}, memory.data, 1, nullptr);
    EXPECT_EQ(loads(), 4) << "another device";
}

TEST(CompiledProgram, launches_its_kernels_in_order) {
    const auto log = std::make_shared<DriverLog>();
    const Program program = forward("(x - mean_batch(x))/std_batch(x)");
    const CompiledProgram compiled(program, ElementType::float32, emulated_loader(log));
    const Memory memory(program);
    compiled.run({2, 40, 16, false, 32}, memory.data, 0, nullptr);
    ASSERT_EQ(log->size(), 6U);
    EXPECT_THAT(std::span(*log).first(3), ElementsAre("load sweep_0", "load tables_1_0", "load sweep_1"));
    EXPECT_EQ((*log)[3], "launch sweep_0 10 × 256, 576 bytes")
        << "a block has eight planes, one for each warp, and keeps them";
    EXPECT_EQ((*log)[4], "launch tables_1_0 5 × 512, 4096 bytes") << "a block has eight channels";
    EXPECT_THAT((*log)[5], StartsWith("launch sweep_1 10 × 256"));
}

TEST(CompiledProgram, takes_tensors_that_begin_anywhere) {
    const auto log = std::make_shared<DriverLog>();
    const Program program = forward("x*sigmoid(x)");
    const CompiledProgram compiled(program, ElementType::float32, emulated_loader(log));
    Memory memory(program);
    compiled.run({1, 4, 16, false, 4}, memory.data, 0, nullptr);
    memory.data.inputs[0] = static_cast<const float*>(memory.data.inputs[0]) + 1;
    compiled.run({1, 4, 16, false, 4}, memory.data, 0, nullptr);
    EXPECT_EQ(std::ranges::count_if(*log, [](const auto& l) { return l.starts_with("load"); }), 2);
}

TEST(CompiledProgram, says_which_shapes_are_too_large) {
    const Program program = forward("x*sigmoid(x)");
    const CompiledProgram compiled(program, ElementType::float32, emulated_loader());
    const Memory memory(program);
    EXPECT_THROW(compiled.run({1, 1, std::int64_t{1} << 31, false, 1}, memory.data, 0, nullptr), std::invalid_argument);
    EXPECT_THROW(compiled.run({1 << 16, 1 << 16, 1, false, 1}, memory.data, 0, nullptr), std::invalid_argument);
}

}  // namespace
}  // namespace normact::evaluator::cuda
