#include "evaluator/fused_engine.h"

#include "evaluator/aten_engine.h"
#include "evaluator/cpu/kernel_makers.h"
#include "evaluator/cpu/tile_interpreter.h"
#include "evaluator/cpu_backend.h"
#include "evaluator/layer_programs.h"
#include "evaluator/parallel.h"
#include "evaluator/plain_program.h"
#include "evaluator/sample_layers.h"
#include "evaluator/sample_tensors.h"
#include "primitives/catalogue.h"
#include "primitives/space.h"
#include "primitives/text.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cmath>
#include <limits>

namespace normact::evaluator {
namespace {

using primitives::Layer;

constexpr std::array formats{at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast};

/// Odd in their own ways: planes of one pixel, a batch of one, one channel, channels and pixels off the vector's width.
constexpr std::array<std::array<int, 4>, 8> shapes{{{3, 4, 5, 2},
                                                    {2, 7, 1, 1},
                                                    {1, 33, 3, 1},
                                                    {4, 1, 2, 3},
                                                    {1, 1, 1, 1},
                                                    {2, 96, 1, 2},
                                                    {1, 64, 2, 3},
                                                    {2, 12, 7, 21}}};

/// The layer's output, and, if asked for, its first and second derivatives in all inputs, flattened one after the
/// other.
struct Results {
    std::vector<at::Tensor> tensors;
    std::vector<std::string> names;
    void add(std::string name, const at::Tensor& tensor) {
        names.push_back(std::move(name));
        tensors.push_back(tensor.defined() ? tensor.detach().to(at::kDouble) : at::zeros({1}, at::kDouble));
    }
};

at::Tensor weights(const at::Tensor& like, std::uint64_t seed) {
    const auto flat = at::arange(like.numel(), at::kDouble) * (0.7 + 0.1 * static_cast<double>(seed % 7)) + 0.3;
    return flat.sin().view(like.sizes()).to(like.options()).contiguous(like.suggest_memory_format());
}

Results results(const Engine& engine, const Layer& layer, const Arguments& arguments, at::ScalarType type,
                at::MemoryFormat format, bool training) {
    Results results;
    const auto compiled = engine.compile(layer.graph, layer.settings);
    std::vector<at::Tensor> averages = to_tensors(arguments.averages, type);
    Parameters parameters = to_tensors(arguments.parameters, type);
    at::Tensor x = to_tensor(arguments.x, type, format);
    std::vector<std::pair<std::string, at::Tensor>> inputs{{"x", x}};
    if (primitives::uses(layer.graph, primitives::Op::v0)) inputs.emplace_back("v0", parameters.v0);
    if (primitives::uses(layer.graph, primitives::Op::v1)) inputs.emplace_back("v1", parameters.v1);
    inputs.emplace_back("gamma", parameters.gamma);
    inputs.emplace_back("beta", parameters.beta);
    std::vector<at::Tensor> tensors;
    tensors.reserve(inputs.size() + 1);
    for (auto& [name, tensor] : inputs) tensors.push_back(tensor.requires_grad_());

    const at::Tensor y = compiled->forward(x, parameters, averages, training);
    EXPECT_EQ(y.sizes(), x.sizes());
    EXPECT_EQ(y.scalar_type(), type);
    EXPECT_TRUE(y.is_contiguous(format));
    results.add("y", y);
    for (std::size_t k = 0; k < averages.size(); ++k) results.add("average " + std::to_string(k), averages[k]);
    const at::Tensor gradient = weights(y, 1).requires_grad_();
    const auto first = torch::autograd::grad({y}, tensors, {gradient}, true, true, true);
    at::Tensor loss;
    for (std::size_t i = 0; i < first.size(); ++i) {
        results.add("gradient of " + inputs[i].first, first[i]);
        if (!first[i].defined()) continue;
        const at::Tensor term = (first[i] * weights(first[i], i + 2)).sum();
        loss = loss.defined() ? loss + term : term;
    }
    if (!loss.defined() || !loss.requires_grad()) return results;
    tensors.push_back(gradient);
    const auto second = torch::autograd::grad({loss}, tensors, {}, false, false, true);
    for (std::size_t i = 0; i < second.size(); ++i)
        results.add("second gradient of " + (i < inputs.size() ? inputs[i].first : "gradient"), second[i]);
    return results;
}

/// What depends on nothing is undefined in one engine and 0 in the
/// other.
void expect_near(const Results& found, const Results& wanted, const std::array<double, 3>& largest) {
    for (std::size_t i = 0; i < wanted.tensors.size(); ++i) {
        const std::string& name = wanted.names[i];
        const auto same = std::ranges::find(found.names, name);
        ASSERT_NE(same, found.names.end()) << name;
        const at::Tensor& f = found.tensors[static_cast<std::size_t>(same - found.names.begin())];
        const std::size_t order = name.starts_with("second") ? 2 : name.starts_with("gradient") ? 1 : 0;
        const at::Tensor& y = wanted.tensors[0];
        const auto terms = f.dim() == 1 ? static_cast<double>(y.numel()) / static_cast<double>(y.size(1)) : 1.0;
        const auto error = (f - wanted.tensors[i]).abs().max().item<double>();
        EXPECT_LE(error, 2e-6 * terms * (1 + largest[order])) << name;
    }
}

std::string described(const cpu::KernelMaker& maker, const Layer& layer, std::array<int, 4> shape,
                      at::MemoryFormat format, bool training) {
    return c10::str(maker.name(), ": ", layer.name, " ", primitives::to_text(layer.graph), ", shape [", shape[0], ",",
                    shape[1], ",", shape[2], ",", shape[3], "], ", format, training ? ", training" : ", evaluation");
}

PlainTensor to_plain(const at::Tensor& tensor, const PlainTensor& like) {
    const at::Tensor whole =
        (tensor.dim() == 1 ? tensor.view({1, -1, 1, 1}) : tensor).expand({like.n, like.c, like.h, like.w});
    const at::Tensor values = whole.detach().to(at::kDouble).contiguous();
    PlainTensor plain = like;
    plain.values.assign(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
    return plain;
}

/// The largest magnitudes on the way to the output, to the first and to the second derivatives of `results`.
std::array<double, 3> largest_values(const Layer& layer, const Arguments& arguments, bool training) {
    const LayerPrograms programs = layer_programs(layer.graph, layer.settings.epsilon, training);
    const int groups = primitives::groups_for(arguments.x.c, layer.settings.groups);
    const at::Tensor x = to_tensor(arguments.x, at::kDouble, at::MemoryFormat::Contiguous);
    PlainInputs inputs = program_inputs(arguments);
    inputs.emplace("gradient of y", to_plain(weights(x, 1), arguments.x));
    for (std::size_t i = 0; i < programs.differentiable.size(); ++i) {
        const std::string& name = programs.differentiable[i];
        const at::Tensor like = name == "x" ? x : at::empty({x.size(1)}, at::kDouble);
        inputs.emplace("gradient of gradient of " + name, to_plain(weights(like, i + 2), arguments.x));
    }
    for (const auto& [name, value] : run_plainly(programs.forward, inputs, groups)) inputs.emplace(name, value);
    return {largest_value(programs.forward, inputs, groups), largest_value(programs.backward, inputs, groups),
            largest_value(double_backward(programs), inputs, groups)};
}

/// What float32 can't hold is no error of an engine.
bool fits_float32(const Layer& layer, const Arguments& arguments) {
    constexpr double far_from_overflow = 1e30;
    return std::ranges::max(largest_values(layer, arguments, true)) < far_from_overflow &&
           std::ranges::max(largest_values(layer, arguments, false)) < far_from_overflow;
}

/// float32 against the composed reference in double. The tolerance is 32 roundings of 6e-8 of the largest value on the
/// way; sums over batch have that in each of their terms.
void expect_agreement(const Layer& layer, const Arguments& arguments) {
    const AtenEngine reference(Normalizations::composed);
    const std::array shape{arguments.x.n, arguments.x.c, arguments.x.h, arguments.x.w};
    for (const bool training : {true, false}) {
        const auto largest = largest_values(layer, arguments, training);
        for (const at::MemoryFormat format : formats) {
            const Results wanted = results(reference, layer, arguments, at::kDouble, format, training);
            for (const cpu::KernelMaker* maker : cpu::kernel_makers()) {
                SCOPED_TRACE(described(*maker, layer, shape, format, training));
                expect_near(
                    results(FusedEngine("cpu", cpu_backend(*maker)), layer, arguments, at::kFloat, format, training),
                    wanted, largest);
            }
        }
    }
}

TEST(CpuEngine, agrees_with_the_reference_on_every_primitive) {
    for (const Layer& layer : layers_of_primitives())
        expect_agreement(layer, draw_arguments(layer, {2, 12, 7, 3}, 1, 1e-4));
}

TEST(CpuEngine, agrees_with_the_reference_on_the_catalogue_at_every_shape) {
    for (const Layer& layer : layers_of_catalogue())
        for (const auto& shape : shapes) expect_agreement(layer, draw_arguments(layer, shape, 2, 1e-4));
}

TEST(CpuEngine, agrees_with_the_reference_on_random_graphs) {
    Generator generator(4);
    const primitives::Space space = primitives::paper_space(/*with_batch=*/true);
    int compared = 0;
    while (compared < 3000) {
        const Layer layer{"random graph", primitives::random_graph(generator, space), {}};
        const std::array shape{2, 6, 3, 3};
        const std::uint64_t seed = generator();
        const Arguments arguments = draw_arguments(layer, shape, seed, any_distance);
        if (!is_tame(layer, arguments, 0.05) || !fits_float32(layer, arguments)) continue;
        expect_agreement(layer, arguments);
        ++compared;
    }
}

/// The same computation in float32, rounded at the end; sums in another order may round to the next number, 2^-7 away.
TEST(CpuEngine, takes_bfloat16_and_computes_in_float32) {
    for (const Layer& layer : layers_of_catalogue())
        for (const auto& [n, c, h, w] : shapes)
            for (const at::MemoryFormat format : formats)
                for (const cpu::KernelMaker* maker : cpu::kernel_makers()) {
                    const FusedEngine engine("cpu", cpu_backend(*maker));
                    const at::Tensor x = weights(at::empty({n, c, h, w}), 5).contiguous(format);
                    const at::Tensor halved = x.to(at::kBFloat16);
                    Parameters parameters{at::full({c}, 0.5), at::full({c}, 1.5), at::full({c}, 0.75), at::ones({c})};
                    std::vector<at::Tensor> averages(averaged_nodes(layer.graph).size(), at::ones({c}));
                    const auto compiled = engine.compile(layer.graph, layer.settings);
                    const at::Tensor y = compiled->forward(halved, parameters, averages, true);
                    EXPECT_EQ(y.scalar_type(), at::kBFloat16);
                    const at::Tensor wanted =
                        compiled->forward(halved.to(at::kFloat), parameters, averages, true).to(at::kBFloat16);
                    EXPECT_TRUE(y.to(at::kFloat).allclose(wanted.to(at::kFloat), 1.0 / 128, 1e-6))
                        << layer.name << " " << maker->name() << " " << x.sizes() << format;
                }
}

TEST(CpuEngine, gives_the_same_bits_on_one_thread_and_on_two) {
    for (const Layer& layer : layers_of_catalogue())
        for (const at::MemoryFormat format : formats) {
            const Arguments arguments = draw_arguments(layer, {3, 40, 24, 24}, 5, any_distance);
            const FusedEngine engine("cpu", cpu_backend(*cpu::kernel_makers().front()));
            std::vector<Results> found;
            for (const int threads : {1, 2}) {
                const ThreadsInUse use(threads);
                found.push_back(results(engine, layer, arguments, at::kFloat, format, true));
            }
            for (std::size_t i = 0; i < found[0].tensors.size(); ++i)
                EXPECT_TRUE(found[0].tensors[i].equal(found[1].tensors[i])) << layer.name << ": " << found[0].names[i];
        }
}

TEST(CpuEngine, takes_moments_of_values_far_from_0) {
    const at::Tensor x = at::randn({8, 12, 16, 16}, at::kDouble) + 1e4;
    for (const char* set : {"batch", "instance", "layer", "group"})
        for (const char* moment : {"mean", "std"})
            for (const at::MemoryFormat format : formats)
                for (const cpu::KernelMaker* maker : cpu::kernel_makers()) {
                    const std::string text = c10::str(moment, "_", set, "(x)");
                    const primitives::LayerGraph graph = primitives::parse_text(text);
                    const auto run = [&](const Engine& engine, at::ScalarType type) {
                        std::vector<at::Tensor> averages(averaged_nodes(graph).size(), at::ones({12}, type));
                        const Parameters parameters{{}, {}, at::ones({12}, type), at::zeros({12}, type)};
                        return engine.compile(graph, {})->forward(x.to(at::kFloat).to(type).contiguous(format),
                                                                  parameters, averages, true);
                    };
                    const at::Tensor wanted = run(AtenEngine(Normalizations::composed), at::kDouble);
                    const at::Tensor found = run(FusedEngine("cpu", cpu_backend(*maker)), at::kFloat).to(at::kDouble);
                    EXPECT_LT(((found - wanted) / wanted).abs().max().item<double>(), 1e-4) << text << maker->name();
                }
}

TEST(CpuEngine, keeps_nan_and_infinity_as_the_reference_has_them) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    for (const Layer& layer : sample_layers())
        for (const double bad : {std::numeric_limits<double>::quiet_NaN(), infinity, -infinity})
            for (const cpu::KernelMaker* maker : cpu::kernel_makers()) {
                Arguments arguments = draw_arguments(layer, {2, 4, 3, 3}, 6, any_distance);
                arguments.x.values[5] = bad;
                const auto run = [&](const Engine& engine) {
                    std::vector<at::Tensor> averages = to_tensors(arguments.averages, at::kFloat);
                    return engine.compile(layer.graph, layer.settings)
                        ->forward(to_tensor(arguments.x, at::kFloat, at::MemoryFormat::Contiguous),
                                  to_tensors(arguments.parameters, at::kFloat), averages, true);
                };
                const at::Tensor found = run(FusedEngine("cpu", cpu_backend(*maker)));
                const at::Tensor wanted = run(AtenEngine(Normalizations::composed));
                EXPECT_TRUE(found.isnan().equal(wanted.isnan()) && found.isinf().equal(wanted.isinf()))
                    << maker->name() << ": " << layer.name << " " << primitives::to_text(layer.graph) << " of " << bad;
            }
}

TEST(CpuEngine, says_what_it_cannot_take) {
    const FusedEngine engine("cpu", cpu_backend(cpu::tile_interpreter()));
    const auto layer = engine.compile(primitives::parse_text("x*v1"), {});
    const auto run = [&](const at::Tensor& x, const at::Tensor& v1) {
        const at::Tensor ones = at::ones({x.size(1)});
        return layer->forward(x, {{}, v1, ones, ones}, {}, true);
    };
    const at::Tensor x = at::ones({2, 3, 4, 4});
    EXPECT_THAT([&] { run(x.to(at::kDouble), at::ones({3})); },
                testing::ThrowsMessage<std::invalid_argument>(testing::HasSubstr("float64 use the engine aten")));
    EXPECT_THAT([&] { run(x, at::ones({4})); },
                testing::ThrowsMessage<std::invalid_argument>(testing::HasSubstr("each of the 3 channels")));
    const auto averaged = engine.compile(primitives::parse_text("x/std_batch(x)"), {});
    std::vector<at::Tensor> too_small{at::ones({2})};
    const Parameters parameters{{}, {}, at::ones({3}), at::ones({3})};
    EXPECT_THAT([&] { averaged->forward(x, parameters, too_small, false); },
                testing::ThrowsMessage<std::invalid_argument>(testing::HasSubstr("each moving average")));
    EXPECT_THAT(
        [&] {
            run(at::ones({2, 3, 4}), at::ones({3}));
        },
        testing::ThrowsMessage<std::invalid_argument>(testing::HasSubstr("four dimensions")));
    EXPECT_THAT(
        [&] {
            run(at::ones({0, 3, 4, 4}), at::ones({3}));
        },
        testing::ThrowsMessage<std::invalid_argument>(testing::HasSubstr("no elements")));
}

}  // namespace
}  // namespace normact::evaluator
