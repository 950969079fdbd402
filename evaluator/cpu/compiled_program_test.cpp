// All kinds of kernels against each other, at shapes off every width, with memory that ends where the tensors do.

#include "evaluator/cpu/compiled_program.h"

#include "evaluator/cpu/kernel_makers.h"
#include "evaluator/cpu/tables.h"
#include "evaluator/cpu/tile_interpreter.h"
#include "evaluator/guarded_memory.h"
#include "evaluator/layer_programs.h"
#include "primitives/space.h"
#include "primitives/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <iostream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace normact::evaluator::cpu {
namespace {

struct Case {
    TensorShape shape;
    ElementType type;
};

using Size = std::array<std::int64_t, 3>;  // images, channels, pixels
constexpr std::array<Size, 9> small_sizes{
    {{1, 1, 1}, {2, 7, 1}, {1, 33, 3}, {3, 8, 49}, {2, 24, 16}, {20, 17, 5}, {2, 16, 130}, {1, 1, 257}, {17, 40, 9}}};
/// Contiguous images of several blocks, the last one shorter.
constexpr std::array<Size, 2> large_sizes{{{2, 40, 1500}, {2, 24, 1501}}};

std::vector<Case> cases(std::span<const Size> sizes) {
    std::vector<Case> all;
    for (const auto& [images, channels, pixels] : sizes)
        for (const bool channels_last : {false, true})
            for (const ElementType type : {ElementType::float32, ElementType::bfloat16})
                all.push_back(
                    {{images, channels, pixels, channels_last, primitives::groups_for(static_cast<int>(channels), 8)},
                     type});
    return all;
}

std::size_t bytes_of(Extent extent, bool is_tensor, const Case& c, std::size_t table_element) {
    const auto elements = static_cast<std::size_t>(c.shape.images * c.shape.channels * c.shape.pixels);
    if (is_tensor) return elements * (c.type == ElementType::float32 ? 4 : 2);
    return static_cast<std::size_t>(table_size(extent, c.shape)) * table_element;
}

/// Numbers near 1 that are exact in bfloat16, so that both kinds of elements say the same.
void fill(const GuardedMemory& memory, ElementType type, bool in_double, std::uint32_t seed) {
    const std::size_t element = in_double ? 8 : type == ElementType::float32 ? 4 : 2;
    for (std::size_t i = 0; i < memory.size() / element; ++i) {
        seed = seed * 1664525 + 1013904223;
        const float value = 0.25F + static_cast<float>(seed >> 26) / 32;
        const auto half = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
        const auto wide = static_cast<double>(value);
        const void* from = in_double      ? static_cast<const void*>(&wide)
                           : element == 4 ? static_cast<const void*>(&value)
                                          : &half;
        std::memcpy(memory.data() + i * element, from, element);
    }
}

/// Runs a schedule on made-up inputs. Gives its outputs as numbers.
std::vector<double> run(const CompiledSchedule& compiled, const Case& c) {
    const Program& source = compiled.schedule().program();
    std::vector<std::unique_ptr<GuardedMemory>> memory;
    ProgramData data;
    for (const ProgramInput& input : source.inputs) {
        if (input.name.starts_with("plane mean")) {
            data.inputs.push_back(nullptr);
            continue;
        }
        const bool tensor = input.extent.has_pixels();
        memory.push_back(std::make_unique<GuardedMemory>(bytes_of(input.extent, tensor, c, input.saved ? 8 : 4)));
        fill(*memory.back(), tensor ? c.type : ElementType::float32, input.saved,
             static_cast<std::uint32_t>(memory.size()));
        data.inputs.push_back(memory.back()->data());
    }
    const std::size_t first_output = memory.size();
    for (const ProgramOutput& output : source.outputs) {
        const bool sum = output.form == ProgramOutput::Form::batch_sum;
        const Extent extent = sum ? Extent::channels() : source.instructions[output.value].extent;
        memory.push_back(std::make_unique<GuardedMemory>(
            bytes_of(extent, output.form == ProgramOutput::Form::tensor, c, sum ? 4 : 8)));
        data.outputs.push_back(memory.back()->data());
    }
    const GuardedMemory tables(static_cast<std::size_t>(tables_size(source, c.shape)) * sizeof(double));
    data.tables = reinterpret_cast<double*>(tables.data());
    evaluator::cpu::run(compiled, c.shape, data,
                        [](std::int64_t count, std::int64_t, const auto& body) { body(0, count); });
    std::vector<double> numbers;
    for (std::size_t k = 0; k < source.outputs.size(); ++k) {
        const GuardedMemory& from = *memory[first_output + k];
        const auto form = source.outputs[k].form;
        const bool half = form == ProgramOutput::Form::tensor && c.type == ElementType::bfloat16;
        const std::size_t element = form == ProgramOutput::Form::table ? 8 : half ? 2 : 4;
        for (std::size_t i = 0; i < from.size(); i += element) {
            double wide = 0;
            float value = 0;
            std::uint16_t word = 0;
            if (element == 8) std::memcpy(&wide, from.data() + i, 8);
            if (element == 4) std::memcpy(&value, from.data() + i, 4);
            if (element == 2) std::memcpy(&word, from.data() + i, 2);
            if (element == 2) value = std::bit_cast<float>(static_cast<std::uint32_t>(word) << 16);
            numbers.push_back(element == 8 ? wide : static_cast<double>(value));
        }
    }
    return numbers;
}

std::vector<double> run(const Program& program, const KernelMaker& maker, const Case& c) {
    const CompiledProgram compiled(program, maker, c.type);
    return run(compiled.schedule_for(c.shape), c);
}

/// A few ulp of each function apart, and of bfloat16 a last place; differences of large terms are seen beside the
/// largest.
void expect_agreement(const std::vector<double>& a, const std::vector<double>& b, ElementType type,
                      const std::string& what) {
    ASSERT_EQ(a.size(), b.size());
    double size = 1;
    for (const double value : b)
        if (std::isfinite(value)) size = std::max(size, std::abs(value));
    const double tolerance = (type == ElementType::float32 ? 2e-4 : 2e-2) * size;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!std::isfinite(a[i]) && !std::isfinite(b[i])) continue;
        ASSERT_NEAR(a[i], b[i], tolerance) << what << ", number " << i;
    }
}

void expect_same_bits(const std::vector<double>& a, const std::vector<double>& b, const std::string& what) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
        ASSERT_EQ(std::bit_cast<std::uint64_t>(a[i]), std::bit_cast<std::uint64_t>(b[i])) << what << ", number " << i;
}

/// What all machine code computes, to the last bit, and the interpreter to a tolerance.
void expect_agreement_of_all_kinds(const Program& program, const Case& c, const std::string& what) {
    std::optional<std::vector<double>> first;
    for (const KernelMaker* maker : kernel_makers()) {
        const std::vector<double> result = run(program, *maker, c);
        if (!first)
            first = result;
        else if (maker == &tile_interpreter())
            expect_agreement(*first, result, c.type, what);
        else
            expect_same_bits(*first, result, what);
    }
}

void expect_agreement_of_all_kinds(const primitives::LayerGraph& graph, const std::vector<Case>& cases) {
    const LayerPrograms programs = layer_programs(graph, 1e-2, /*training=*/true);
    const Program second = double_backward(programs);
    for (const Program* program : {&programs.forward, &programs.backward, &second})
        for (const Case& c : cases)
            expect_agreement_of_all_kinds(*program, c,
                                          primitives::to_text(graph) + " " + std::to_string(c.shape.images) + "," +
                                              std::to_string(c.shape.channels) + "," + std::to_string(c.shape.pixels) +
                                              (c.shape.channels_last ? " channels_last" : " contiguous"));
}

/// More values than registers, and more sums than fit: they wait on the stack.
constexpr const char* long_formula =
    "x*std_batch(tanh(x))*std_batch(exp(-x*x))*std_instance(x*x)*std_group(sigmoid(x))*mean_layer(abs(x))*"
    "rms_batch(x*x*x)*mean_instance(x/(x*x + v1*v1))";

/// Small enough for an emulated processor.
TEST(CompiledProgram, of_every_operation_is_the_same_by_all_kinds_of_kernels) {
    // Partial vectors; several columns; one column, of more rows than a chunk; whole vectors of a plane likewise.
    constexpr std::array<Size, 5> sizes{{{2, 7, 3}, {3, 34, 5}, {1, 16, 18}, {1, 2, 293}, {2, 3, 27}}};
    if (kernel_makers().size() == 1) GTEST_SKIP() << "this processor has the interpreter only";
    for (const KernelMaker* maker : kernel_makers()) std::cout << "kernels by " << maker->name() << "\n";
    for (const char* text : {"x/max(std_batch(x), v1*x + std_instance(x))", "x*sigmoid(v1*x)/std_group(x)",
                             "max(log(x), exp(-abs(x)))", "sqrt(x)*tanh(v0 + x) + square(x)/rms_layer(x)",
                             "tanh(x)*sigmoid(x) + sigmoid(x)", "sigmoid(x) - sigmoid(x)*exp(x)", long_formula})
        expect_agreement_of_all_kinds(primitives::parse_text(text), cases(sizes));
}

TEST(CompiledProgram, is_the_same_by_all_kinds_of_kernels_and_stays_within_its_memory) {
    if (kernel_makers().size() == 1) GTEST_SKIP() << "this processor has the interpreter only";
    std::vector<primitives::LayerGraph> graphs;
    for (const char* text :
         {"x/max(std_batch(x), v1*x + std_instance(x))", "x*sigmoid(v1*x)/std_group(x)",
          "max((x - mean_layer(x))/std_layer(x)*v1 + v0, zero)", "tanh(log(x)*sqrt(v1*x))*exp(-x)", long_formula})
        graphs.push_back(primitives::parse_text(text));
    Generator generator(9);
    while (graphs.size() < 60) graphs.push_back(primitives::random_graph(generator, primitives::paper_space(true)));
    for (std::size_t i = 0; i < graphs.size(); ++i) {
        std::vector<Case> all = cases(small_sizes);
        if (i < 6) std::ranges::copy(cases(large_sizes), std::back_inserter(all));
        expect_agreement_of_all_kinds(graphs[i], all);
    }
}

/// Nothing is kept of a block that no cache holds: it is computed again, to the same numbers.
TEST(CompiledProgram, keeps_what_a_cache_holds) {
    const LayerPrograms programs =
        layer_programs(primitives::parse_text("x*sigmoid(v1*x)/std_layer(x)"), 1e-2, /*training=*/true);
    for (const KernelMaker* maker : kernel_makers()) {
        const CompiledProgram compiled(programs.backward, *maker, ElementType::float32);
        for (const bool channels_last : {false, true}) {
            const TensorShape small{1, 80, 400, channels_last, 8}, large{1, 80, 4097, channels_last, 8};
            const CompiledSchedule &keeping = compiled.schedule_for(small), &again = compiled.schedule_for(large);
            EXPECT_FALSE(keeping.schedule().sweeps[0].kept.empty());
            EXPECT_TRUE(again.schedule().sweeps[0].kept.empty());
            const Case c{small, ElementType::float32};
            EXPECT_EQ(run(keeping, c), run(again, c)) << maker->name();
        }
    }
}

}  // namespace
}  // namespace normact::evaluator::cpu
