// Every kernel compiles for every generation of GPUs, and keeps to registers. Needs NVRTC, and no GPU.

#include "evaluator/cuda/kernel_compiler.h"

#include "evaluator/cuda/cubin.h"
#include "evaluator/cuda/program_source.h"
#include "evaluator/cuda/small_values.h"
#include "evaluator/layer_programs.h"
#include "primitives/catalogue.h"
#include "primitives/long_tests.h"
#include "primitives/space.h"
#include "primitives/text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

namespace normact::evaluator::cuda {
namespace {

using primitives::LayerGraph;

/// NVRTC of this machine, or nothing.
const Nvrtc* nvrtc() {
    static const std::unique_ptr<const Nvrtc> found = [] {
        try {
            return std::make_unique<const Nvrtc>(std::vector<std::string>{NORMACT_NVRTC_FOLDER});
        } catch (const std::runtime_error&) {
            return std::unique_ptr<const Nvrtc>();
        }
    }();
    return found.get();
}

/// What is used where tensors are large, and where planes are small.
constexpr TensorShape contiguous{128, 64, std::int64_t{32} * 32, false, 32},
    channels_last{128, 64, std::int64_t{32} * 32, true, 32}, small_planes{128, 96, 49, false, 32};

struct Target {
    TensorShape shape;
    ElementType type;
    int architecture;
};

const std::vector<Target>& targets() {
    static const std::vector<Target> some{{contiguous, ElementType::float32, 90},
                                          {channels_last, ElementType::bfloat16, 90}};
    static const std::vector<Target> all{
        {contiguous, ElementType::float32, 80},     {channels_last, ElementType::float32, 80},
        {contiguous, ElementType::float32, 90},     {channels_last, ElementType::float32, 90},
        {contiguous, ElementType::bfloat16, 90},    {channels_last, ElementType::bfloat16, 90},
        {small_planes, ElementType::float16, 90},   {contiguous, ElementType::float32, 100},
        {channels_last, ElementType::float32, 100}, {channels_last, ElementType::bfloat16, 100}};
    return long_tests() ? all : some;
}

std::vector<Program> programs_of(const LayerGraph& graph) {
    const LayerPrograms programs = layer_programs(graph, 1e-5, /*training=*/true);
    return {programs.forward, programs.backward, double_backward(programs)};
}

/// Compiles the kernels of a program. Gives those that do not keep to registers.
std::string beyond_registers(const Program& program, const Target& target) {
    const Schedule scheduled = schedule(program, Reuse::compute_again);
    const ProgramSource source = program_source(scheduled, variant_for(scheduled, target.shape, target.type, 16));
    const std::vector<KernelResources> kernels = kernel_resources(nvrtc()->compile(source.text(), target.architecture));
    EXPECT_EQ(kernels.size(), source.kernels.size());
    std::string beyond;
    for (const KernelResources& kernel : kernels) {
        EXPECT_GT(kernel.registers, 0) << kernel.name;
        if (kernel.stack > 0)
            beyond += fmt::format("{}: {} registers, {} bytes of stack\n", kernel.name, kernel.registers, kernel.stack);
    }
    return beyond;
}

class CompiledLayer : public testing::TestWithParam<std::string> {};

std::vector<std::string> catalogue_names() {
    std::vector<std::string> names;
    for (const primitives::CatalogueEntry& entry : primitives::catalogue()) names.push_back(entry.layer.name);
    return names;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, CompiledLayer, testing::ValuesIn(catalogue_names()),
                         [](const auto& test) { return parameter_name(test.param); });

TEST_P(CompiledLayer, keeps_to_registers) {
    if (nvrtc() == nullptr) GTEST_SKIP() << "NVRTC is not installed";
    for (const Program& program : programs_of(primitives::find_in_catalogue(GetParam())->layer.graph))
        for (const Target& target : targets())
            EXPECT_EQ(beyond_registers(program, target), "")
                << program.outputs[0].name << " for sm_" << target.architecture
                << (target.shape.channels_last ? " channels_last" : " contiguous");
}

/// A spill would cost speed alone; here it is counted, and rare.
TEST(Nvrtc, compiles_random_layers) {
    if (nvrtc() == nullptr) GTEST_SKIP() << "NVRTC is not installed";
    Generator generator(13);
    const int layers = long_tests() ? 300 : 12;
    int spilling = 0;
    for (int i = 0; i < layers; ++i) {
        const auto graph = primitives::random_graph(generator, primitives::paper_space(/*with_batch=*/true));
        const Target& target = targets()[static_cast<std::size_t>(i) % targets().size()];
        for (const Program& program : programs_of(graph)) spilling += beyond_registers(program, target).empty() ? 0 : 1;
    }
    EXPECT_LE(spilling, layers / 10);
}

TEST(Nvrtc, says_what_is_wrong_with_a_source) {
    if (nvrtc() == nullptr) GTEST_SKIP() << "NVRTC is not installed";
    try {
        (void)nvrtc()->compile("__global__ void kernel() { unknown(); }", 90);
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("unknown"), std::string::npos) << error.what();
    }
}

TEST(Nvrtc, says_where_it_comes_from_if_it_is_missing) {
    EXPECT_THROW(SharedLibrary("NVRTC is missing", {"libnot-there.so.1"}), std::runtime_error);
}

TEST(Cubin, is_read_with_care) {
    EXPECT_THROW((void)kernel_resources(""), std::runtime_error);
    EXPECT_THROW((void)kernel_resources(std::string(4096, 'x')), std::runtime_error);
    if (nvrtc() == nullptr) GTEST_SKIP() << "NVRTC is not installed";
    const std::string cubin = nvrtc()->compile("extern \"C\" __global__ void kernel(float* x) { x[0] = 1; }", 90);
    ASSERT_EQ(kernel_resources(cubin).size(), 1U);
    EXPECT_EQ(kernel_resources(cubin)[0].name, "kernel");
    for (std::size_t size = 0; size < cubin.size(); size += 37) try {
            (void)kernel_resources(cubin.substr(0, size));
        } catch (const std::runtime_error&) {
        }
}

}  // namespace
}  // namespace normact::evaluator::cuda
