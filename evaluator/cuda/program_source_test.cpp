// The emitted kernels, run on the CPU, against the program in double.

#include "evaluator/cuda/program_source.h"

#include "evaluator/cuda/compiled_program.h"
#include "evaluator/cuda/emulated_module.h"
#include "evaluator/cuda/small_values.h"
#include "evaluator/guarded_memory.h"
#include "evaluator/layer_programs.h"
#include "evaluator/plain_program.h"
#include "evaluator/sample_layers.h"
#include "primitives/long_tests.h"
#include "primitives/space.h"
#include "primitives/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <optional>

namespace normact::evaluator::cuda {
namespace {

using primitives::Layer;
using Size = std::array<int, 4>;  // N, C, H, W

TensorShape shape_of(const Size& size, bool channels_last, const Layer& layer) {
    return {size[0], size[1], std::int64_t{size[2]} * size[3], channels_last,
            primitives::groups_for(size[1], layer.settings.groups)};
}

/// Where the element of a whole tensor lies in memory.
std::size_t position(const PlainTensor& t, bool channels_last, int n, int c, int h, int w) {
    return static_cast<std::size_t>(channels_last ? ((std::int64_t{n} * t.h + h) * t.w + w) * t.c + c
                                                  : ((std::int64_t{n} * t.c + c) * t.h + h) * t.w + w);
}

/// Where it is in a table of this extent.
std::size_t position(Extent extent, const PlainTensor& t, int n, int c) {
    const std::int64_t image = extent.has_images() ? n : 0, channel = extent.has_groups() ? c : 0;
    return static_cast<std::size_t>(image * (extent.has_groups() ? t.c : 1) + channel);
}

/// Numbers in memory as an input or output of a kernel has them.
class Buffer {
  public:
    enum class Kind : std::uint8_t { tensor, floats, doubles };

    Buffer(Kind kind, Extent extent, const TensorShape& shape)
        : kind_(kind),
          extent_(extent),
          channels_last_(shape.channels_last),
          memory_(static_cast<std::size_t>(extent.has_pixels() ? shape.images * shape.channels * shape.pixels
                                                               : table_size(extent, shape)) *
                  (kind == Kind::doubles ? sizeof(double) : sizeof(float))) {
        std::memset(memory_.data(), 0xff, memory_.size());  // NaN
    }

    void* data() const { return memory_.data(); }

    void fill(const PlainTensor& from) {
        for_each_index(from, [&](int n, int c, int h, int w) {
            const double value = from.at(n, c, h, w);
            if (kind_ == Kind::doubles)
                reinterpret_cast<double*>(memory_.data())[index(from, n, c, h, w)] = value;
            else
                reinterpret_cast<float*>(memory_.data())[index(from, n, c, h, w)] = static_cast<float>(value);
        });
    }

    PlainTensor as_tensor(const PlainTensor& like) const {
        PlainTensor result = like;
        for_each_index(like, [&](int n, int c, int h, int w) {
            const std::size_t i = index(like, n, c, h, w);
            result.at(n, c, h, w) = kind_ == Kind::doubles ? reinterpret_cast<const double*>(memory_.data())[i]
                                                           : reinterpret_cast<const float*>(memory_.data())[i];
        });
        return result;
    }

    bool same_bits(const Buffer& other) const {
        return std::memcmp(memory_.data(), other.memory_.data(), memory_.size()) == 0;
    }

  private:
    std::size_t index(const PlainTensor& t, int n, int c, int h, int w) const {
        return extent_.has_pixels() ? position(t, channels_last_, n, c, h, w) : position(extent_, t, n, c);
    }

    Kind kind_;
    Extent extent_;
    bool channels_last_;
    GuardedMemory memory_;
};

/// A program as kernels that run here.
class EmulatedProgram {
  public:
    EmulatedProgram(const Program& program, const Variant& variant)
        : program_(program),
          variant_(variant),
          schedule_(schedule(program, Reuse::compute_again)),
          source_(program_source(schedule_, variant)),
          module_(source_.text(), names()) {}

    using Outputs = std::vector<std::unique_ptr<Buffer>>;

    Outputs run(const TensorShape& shape, const PlainInputs& inputs, TurnOrder order) const {
        Outputs buffers, outputs;
        ProgramData data;
        for (const ProgramInput& input : program_.inputs) {
            const auto kind = input.extent.has_pixels() ? Buffer::Kind::tensor
                              : input.saved             ? Buffer::Kind::doubles
                                                        : Buffer::Kind::floats;
            buffers.push_back(std::make_unique<Buffer>(kind, input.extent, shape));
            buffers.back()->fill(inputs.at(input.name));
            data.inputs.push_back(buffers.back()->data());
        }
        for (const ProgramOutput& output : program_.outputs) {
            using Form = ProgramOutput::Form;
            const Extent extent = output.form == Form::tensor      ? Extent::full()
                                  : output.form == Form::batch_sum ? Extent::channels()
                                                                   : program_.instructions[output.value].extent;
            const auto kind = output.form == Form::tensor  ? Buffer::Kind::tensor
                              : output.form == Form::table ? Buffer::Kind::doubles
                                                           : Buffer::Kind::floats;
            outputs.push_back(std::make_unique<Buffer>(kind, extent, shape));
            data.outputs.push_back(outputs.back()->data());
        }
        const GuardedMemory tables(static_cast<std::size_t>(SmallValues(schedule_).sizes().at(shape)) * sizeof(double));
        std::memset(tables.data(), 0xff, tables.size());
        data.tables = reinterpret_cast<double*>(tables.data());
        launch(shape, data, order);
        return outputs;
    }

    const Program& program() const { return program_; }
    /// The source, and the schedule that it is made of.
    std::string text() const { return source_.text() + to_text(schedule_); }

  private:
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        std::ranges::transform(source_.kernels, std::back_inserter(all), &KernelSource::name);
        return all;
    }

    void launch(const TensorShape& shape, const ProgramData& data, TurnOrder order) const {
        for (const KernelSource& kernel : source_.kernels) {
            const Launch launch = launch_of(kernel, schedule_, variant_, shape);
            const KernelArguments arguments(data, shape, launch);
            module_.launch(kernel.name, launch.blocks, launch.threads, launch.shared_bytes, arguments.places(), order);
        }
    }

    const Program& program_;
    Variant variant_;
    Schedule schedule_;
    ProgramSource source_;
    EmulatedModule module_;
};

/// Arguments as far from kinks as a thousand draws find them: rounding moves what is near to them without bound.
std::optional<Arguments> arguments_for(const Layer& layer, const Size& size) {
    for (const double distance : {1e-3, 1e-4}) try {
            Arguments arguments = draw_arguments(layer, size, 3, distance);
            if (is_tame(layer, arguments, distance)) return arguments;
        } catch (const std::runtime_error&) {
        }
    return std::nullopt;
}

/// Numbers of float32 about 1.
PlainTensor wave(const PlainTensor& like, const std::string& name, bool whole) {
    PlainTensor result = like;
    for_each_index(like, [&](int n, int c, int h, int w) {
        const int i = whole ? static_cast<int>(position(like, false, n, c, h, w)) : c;
        result.at(n, c, h, w) = static_cast<float>(std::sin(1.0 + 0.7 * i + static_cast<double>(name.size())));
    });
    return result;
}

/// What forward, backward and double backward take.
PlainInputs inputs_of(const Arguments& arguments, const LayerPrograms& programs, int groups) {
    PlainInputs inputs = program_inputs(arguments);
    const PlainTensor& x = arguments.x;
    inputs.emplace("gradient of y", wave(x, "y", true));
    for (const std::string& name : programs.differentiable)
        inputs.emplace("gradient of gradient of " + name, wave(x, name, name == "x"));
    for (const auto& [name, value] : run_plainly(programs.forward, inputs, groups))
        if (name.starts_with("saved")) inputs.emplace(name, value);
    return inputs;
}

/// float32 against double: 64 roundings of 6e-8 of the largest value on the way, or of the largest sum.
void expect_near(const PlainTensor& found, const PlainTensor& wanted, double largest, const std::string& what) {
    for (const double value : wanted.values) largest = std::max(largest, std::abs(value));
    const double tolerance = 64 * 6e-8 * (1 + largest);
    for (std::size_t i = 0; i < wanted.values.size(); ++i)
        ASSERT_NEAR(found.values[i], wanted.values[i], tolerance) << what << ", element " << i;
}

void expect_agreement(const EmulatedProgram& emulated, const PlainInputs& inputs, const TensorShape& shape,
                      const std::string& what) {
    const Program& program = emulated.program();
    const auto groups = static_cast<int>(shape.groups);
    const auto wanted = run_plainly(program, inputs, groups);
    const double largest = largest_value(program, inputs, groups);
    const auto found = emulated.run(shape, inputs, TurnOrder::first_to_last);
    const auto turned = emulated.run(shape, inputs, TurnOrder::last_to_first);
    for (std::size_t k = 0; k < program.outputs.size(); ++k) {
        const std::string& name = program.outputs[k].name;
        EXPECT_TRUE(found[k]->same_bits(*turned[k])) << what << ": " << name << " depends on the order of threads";
        expect_near(found[k]->as_tensor(inputs.at("x")), wanted.at(name), largest, what + ": " + name);
    }
}

struct Case {
    Variant variant;
    std::vector<Size> sizes;
};

/// Off every width, with blocks of an image that are not full, and one pixel, image or channel.
std::vector<Case> cases() {
    return {
        {{.vector = 1, .width = 32, .resident = true}, {{2, 7, 3, 5}, {1, 40, 1, 1}, {3, 3, 12, 13}}},
        {{.vector = 4, .width = 256, .resident = false}, {{2, 9, 2, 6}, {1, 33, 4, 4}}},
        {{.channels_last = true, .vector = 1, .width = 4, .resident = true}, {{2, 7, 3, 5}, {1, 33, 1, 1}}},
        {{.channels_last = true, .vector = 4, .width = 8, .resident = false}, {{2, 12, 3, 5}, {1, 40, 2, 2}}},
    };
}

void expect_agreement(const Layer& layer, const std::vector<Case>& cases, bool training) {
    const LayerPrograms programs = layer_programs(layer.graph, layer.settings.epsilon, training);
    const Program second = double_backward(programs);
    int compared = 0;
    for (const Case& c : cases) {
        const EmulatedProgram forward(programs.forward, c.variant), backward(programs.backward, c.variant),
            double_backward(second, c.variant);
        for (const Size& size : c.sizes) {
            const std::optional<Arguments> arguments = arguments_for(layer, size);
            if (!arguments) continue;
            const TensorShape shape = shape_of(size, c.variant.channels_last, layer);
            const PlainInputs inputs = inputs_of(*arguments, programs, static_cast<int>(shape.groups));
            for (const EmulatedProgram* emulated : {&forward, &backward, &double_backward}) {
                expect_agreement(*emulated, inputs, shape,
                                 layer.name + " " + testing::PrintToString(size) +
                                     (shape.channels_last ? " channels_last" : " contiguous"));
                if (testing::Test::HasFailure()) {
                    std::cout << emulated->text();
                    return;
                }
            }
            ++compared;
        }
    }
    EXPECT_GT(compared, 0) << layer.name;
}

class CudaSourceOfLayer : public testing::TestWithParam<Layer> {};
INSTANTIATE_TEST_SUITE_P(Catalogue, CudaSourceOfLayer, testing::ValuesIn(layers_of_catalogue()),
                         [](const auto& test) { return parameter_name(test.param.name); });

/// One contiguous case and one in channels_last; all four in long tests.
TEST_P(CudaSourceOfLayer, computes_the_program) {
    std::vector<Case> chosen = cases();
    const std::size_t odd = GetParam().name.size() % 2;
    if (!long_tests()) chosen = {chosen[odd], chosen[2 + odd]};
    expect_agreement(GetParam(), chosen, /*training=*/true);
}

/// One of the cases, another one for each number.
std::vector<Case> one_case(std::size_t number) { return {cases()[number % cases().size()]}; }

TEST(CudaSource, computes_every_primitive) {
    const std::vector<Layer> layers = layers_of_primitives();
    const std::size_t step = long_tests() ? 1 : 3;
    for (std::size_t i = 0; i < layers.size() && !testing::Test::HasFailure(); i += step)
        expect_agreement(layers[i], one_case(i), /*training=*/i % 4 != 3);
}

TEST(CudaSource, computes_the_catalogue_at_evaluation) {
    const std::vector<Layer> layers = layers_of_catalogue();
    for (std::size_t i = 0; i < layers.size() && !testing::Test::HasFailure(); ++i)
        expect_agreement(layers[i], one_case(i), /*training=*/false);
}

TEST(CudaSource, computes_random_layers) {
    Generator generator(11);
    const primitives::Space space = primitives::paper_space(/*with_batch=*/true);
    const std::size_t wanted = long_tests() ? 300 : 40;
    for (std::size_t i = 0; i < wanted && !testing::Test::HasFailure();) {
        const Layer layer{"random graph", primitives::random_graph(generator, space), {}};
        const Case c = one_case(i).front();
        if (!arguments_for(layer, c.sizes.front())) continue;
        expect_agreement({primitives::to_text(layer.graph), layer.graph, {}}, {c}, /*training=*/true);
        ++i;
    }
}

/// Moments of data with mean 10⁴ and deviation 1 are right to 10⁻⁴, and so are gradients through them.
TEST(CudaSource, takes_moments_of_values_far_from_0) {
    for (const char* text : {"std_batch(x)", "std_instance(x)", "std_group(x)", "std_layer(x)"}) {
        const primitives::LayerGraph graph = primitives::parse_text(text);
        const LayerPrograms programs = layer_programs(graph, 1e-5, /*training=*/true);
        for (const Case& c : cases()) {
            const Size size = c.sizes.front();
            const TensorShape shape = shape_of(size, c.variant.channels_last, {text, graph, {}});
            PlainInputs inputs = program_inputs(draw_arguments({text, graph, {}}, size, 5, any_distance));
            for (double& value : inputs.at("x").values) value = static_cast<float>(1e4 + value);
            const auto wanted = run_plainly(programs.forward, inputs, static_cast<int>(shape.groups));
            const EmulatedProgram emulated(programs.forward, c.variant);
            const PlainTensor y = emulated.run(shape, inputs, TurnOrder::first_to_last)[0]->as_tensor(inputs.at("x"));
            for (std::size_t i = 0; i < y.values.size(); ++i)
                ASSERT_NEAR(y.values[i] / wanted.at("y").values[i], 1, 1e-4) << text;
        }
    }
}

/// The oracle of a missing barrier works.
TEST(EmulatedModule, shows_a_race) {
    const std::string source = R"(
extern __shared__ __align__(16) double shared_memory[];
extern "C" __global__ void __launch_bounds__(64, 1) kernel(double* to) {
    shared_memory[threadIdx.x] = threadIdx.x;
    to[threadIdx.x] = shared_memory[63 - threadIdx.x];
})";
    const EmulatedModule module(source, {"kernel"});
    const auto run = [&](TurnOrder order) {
        std::array<double, 64> to{};
        double* pointer = to.data();
        module.launch("kernel", 1, 64, 64 * sizeof(double), {static_cast<void*>(&pointer)}, order);
        return to;
    };
    EXPECT_FALSE(std::ranges::equal(run(TurnOrder::first_to_last), run(TurnOrder::last_to_first)));
}

TEST(EmulatedModule, ends_where_threads_wait_in_vain_or_leave_their_memory) {
    const std::string source = R"(
extern __shared__ __align__(16) double shared_memory[];
extern "C" __global__ void __launch_bounds__(64, 1) waits(int* to) { if (threadIdx.x > 3) __syncthreads(); }
extern "C" __global__ void __launch_bounds__(64, 1) shuffles(int* to) {
    if (threadIdx.x > 3) to[0] = __shfl_xor_sync(0xffffffffu, 1.0, 1);
}
extern "C" __global__ void __launch_bounds__(64, 1) writes(int* to) { shared_memory[8] = 1; })";
    const EmulatedModule module(source, {"waits", "shuffles", "writes"});
    int number = 0;
    int* pointer = &number;
    for (const char* kernel : {"waits", "shuffles", "writes"})
        EXPECT_THROW(module.launch(kernel, 1, 64, 64, {static_cast<void*>(&pointer)}, TurnOrder::first_to_last),
                     std::runtime_error);
    EXPECT_THROW(EmulatedModule("no C++", {}), std::runtime_error);
}

}  // namespace
}  // namespace normact::evaluator::cuda
