// The emitted kernels, run on the CPU, against the program in double.

#include "evaluator/cuda/program_source.h"

#include "evaluator/cuda/compiled_program.h"
#include "evaluator/cuda/emulated_module.h"
#include "evaluator/cuda/small_values.h"
#include "evaluator/guarded_memory.h"
#include "evaluator/layer_programs.h"
#include "evaluator/plain_program.h"
#include "evaluator/sample_layers.h"
#include "primitives/space.h"
#include "primitives/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
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
    return static_cast<std::size_t>((extent.has_images() ? n : 0) * (extent.has_groups() ? t.c : 1) +
                                    (extent.has_groups() ? c : 0));
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
          module_(source_.text, names()) {}

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
        const GuardedMemory tables(static_cast<std::size_t>(tables_size(schedule_, shape)) * sizeof(double));
        std::memset(tables.data(), 0xff, tables.size());
        data.tables = reinterpret_cast<double*>(tables.data());
        launch(shape, data, order);
        return outputs;
    }

    const Program& program() const { return program_; }
    /// The source, and the schedule that it is made of.
    std::string text() const { return source_.text + to_text(schedule_); }

  private:
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const KernelSource& kernel : source_.kernels) all.push_back(kernel.name);
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

class CudaSource : public testing::TestWithParam<Layer> {};
INSTANTIATE_TEST_SUITE_P(Catalogue, CudaSource, testing::ValuesIn(layers_of_catalogue()),
                         [](const auto& test) { return parameter_name(test.param.name); });

TEST_P(CudaSource, computes_the_program) { expect_agreement(GetParam(), cases(), /*training=*/true); }

}  // namespace
}  // namespace normact::evaluator::cuda
