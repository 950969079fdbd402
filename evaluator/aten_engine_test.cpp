#include "evaluator/aten_engine.h"

#include "evaluator/gradient_check.h"
#include "evaluator/sample_layers.h"
#include "evaluator/sample_tensors.h"
#include "primitives/catalogue.h"
#include "primitives/space.h"
#include "primitives/text.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <thread>

namespace normact::evaluator {
namespace {

using primitives::Layer;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

constexpr std::array formats{at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast};
constexpr std::array normalizations{Normalizations::composed, Normalizations::fused};

/// Every shape that is odd in its own way: planes of one pixel, a batch of one, one channel, channels that 32 does not
/// divide, planes that are not square.
constexpr std::array<std::array<int, 4>, 7> shapes{
    {{3, 4, 5, 2}, {2, 7, 1, 1}, {1, 33, 3, 1}, {4, 1, 2, 3}, {1, 1, 1, 1}, {2, 96, 1, 2}, {1, 64, 2, 3}}};

std::string described(const Layer& layer, std::array<int, 4> shape, at::MemoryFormat format, bool training,
                      Normalizations way) {
    return c10::str(layer.name, ", shape [", shape[0], ",", shape[1], ",", shape[2], ",", shape[3], "], ", format,
                    training ? ", training" : ", evaluation", way == Normalizations::fused ? ", fused" : ", composed");
}

at::Tensor run(const Layer& layer, const Arguments& arguments, at::ScalarType type, at::MemoryFormat format,
               bool training, Normalizations way) {
    std::vector<at::Tensor> averages = to_tensors(arguments.averages, type);
    return AtenEngine(way)
        .compile(layer.graph, layer.settings)
        ->forward(to_tensor(arguments.x, type, format), to_tensors(arguments.parameters, type), averages, training);
}

/// Both agree to the rounding of sums of at most 1,500 terms, amplified by the functions: 1e-10 in double.
void expect_agreement_with_plain_loops(const Layer& layer, std::array<int, 4> shape, const Arguments& arguments) {
    for (const bool training : {true, false}) {
        const PlainEvaluation plain = evaluate_plainly(layer.graph, layer.settings, arguments.x, arguments.parameters,
                                                       training ? nullptr : &arguments.averages);
        for (const at::MemoryFormat format : formats)
            for (const Normalizations way : normalizations)
                EXPECT_LT(largest_error(run(layer, arguments, at::kDouble, format, training, way), plain.output), 1e-10)
                    << described(layer, shape, format, training, way);
    }
}

TEST(AtenEngine, agrees_with_plain_loops_at_every_shape) {
    for (const Layer& layer : sample_layers())
        for (const auto& shape : shapes)
            expect_agreement_with_plain_loops(layer, shape, draw_arguments(layer, shape, 1, any_distance));
}

TEST(AtenEngine, agrees_with_plain_loops_on_random_graphs) {
    Generator generator(2);
    const primitives::Space space = primitives::paper_space(/*with_batch=*/true);
    int compared = 0;
    while (compared < 200) {
        const Layer layer{"random graph", primitives::random_graph(generator, space), {}};
        const Arguments arguments = draw_arguments(layer, {2, 6, 3, 2}, generator(), any_distance);
        if (!is_tame(layer, arguments, 1e-3)) continue;
        SCOPED_TRACE(primitives::to_text(layer.graph));
        expect_agreement_with_plain_loops(layer, {2, 6, 3, 2}, arguments);
        ++compared;
    }
}

TEST(AtenEngine, agrees_with_plain_loops_in_single_precision) {
    for (const Layer& layer : layers_of_catalogue()) {
        const std::array shape{4, 8, 5, 6};
        const Arguments arguments = draw_arguments(layer, shape, 3, any_distance);
        for (const bool training : {true, false}) {
            const PlainEvaluation plain =
                evaluate_plainly(layer.graph, layer.settings, arguments.x, arguments.parameters,
                                 training ? nullptr : &arguments.averages);
            for (const at::MemoryFormat format : formats)
                for (const Normalizations way : normalizations) {
                    const at::Tensor output = run(layer, arguments, at::kFloat, format, training, way);
                    EXPECT_EQ(output.scalar_type(), at::kFloat);
                    // A hundred roundings of 6e-8; quotients by values near 0 amplify them.
                    EXPECT_LT(largest_error(output, plain.output), 1e-5 * 5)
                        << described(layer, shape, format, training, way);
                }
        }
    }
}

TEST(AtenEngine, keeps_shape_and_format) {
    for (const Layer& layer : sample_layers())
        for (const auto& shape : shapes)
            for (const at::MemoryFormat format : formats)
                for (const bool training : {true, false}) {
                    const Arguments arguments = draw_arguments(layer, shape, 4, any_distance);
                    const at::Tensor x = to_tensor(arguments.x, at::kFloat, format);
                    const at::Tensor y = run(layer, arguments, at::kFloat, format, training, Normalizations::fused);
                    EXPECT_EQ(y.sizes(), x.sizes());
                    EXPECT_TRUE(y.is_contiguous(x.suggest_memory_format()))
                        << described(layer, shape, format, training, Normalizations::fused);
                }
}

TEST(AtenEngine, gives_the_gradient_of_x_in_the_format_of_x) {
    for (const Layer& layer : layers_of_catalogue())
        for (const at::MemoryFormat format : formats) {
            const Arguments arguments = draw_arguments(layer, {3, 4, 5, 2}, 5, any_distance);
            const at::Tensor x = to_tensor(arguments.x, at::kFloat, format).requires_grad_();
            std::vector<at::Tensor> averages = to_tensors(arguments.averages, at::kFloat);
            const at::Tensor y = AtenEngine(Normalizations::fused)
                                     .compile(layer.graph, layer.settings)
                                     ->forward(x, to_tensors(arguments.parameters, at::kFloat), averages, true);
            y.backward(at::randn_like(y));
            EXPECT_TRUE(x.grad().is_contiguous(format)) << layer.name << ", " << format;
        }
}

/// x, v0, v1, gamma and beta as the inputs of a function to differentiate.
DifferentiableFunction as_function(const CompiledLayer& layer, const std::vector<at::Tensor>& averages, bool training) {
    return [&layer, averages, training](const std::vector<at::Tensor>& inputs) {
        std::vector<at::Tensor> moving;
        moving.reserve(averages.size());
        for (const at::Tensor& average : averages) moving.push_back(average.clone());
        return layer.forward(inputs[0], {inputs[1], inputs[2], inputs[3], inputs[4]}, moving, training);
    };
}

using ErrorOf = std::string (*)(const DifferentiableFunction&, const std::vector<at::Tensor>&);

void expect_right_derivatives(const std::vector<Layer>& layers, std::array<int, 4> shape, ErrorOf error) {
    for (Layer layer : layers) {
        layer.settings.groups = 2;
        const Arguments arguments = draw_arguments(layer, shape, 6);
        const Parameters parameters = to_tensors(arguments.parameters, at::kDouble);
        for (const Normalizations way : normalizations) {
            const auto compiled = AtenEngine(way).compile(layer.graph, layer.settings);
            for (const at::MemoryFormat format : formats)
                for (const bool training : {true, false})
                    EXPECT_THAT(error(as_function(*compiled, to_tensors(arguments.averages, at::kDouble), training),
                                      {to_tensor(arguments.x, at::kDouble, format), parameters.v0, parameters.v1,
                                       parameters.gamma, parameters.beta}),
                                IsEmpty())
                        << described(layer, shape, format, training, way);
        }
    }
}

TEST(AtenEngine, differentiates_every_primitive) {
    expect_right_derivatives(layers_of_primitives(), {2, 4, 1, 2}, gradient_error);
}
TEST(AtenEngine, differentiates_every_primitive_twice) {
    expect_right_derivatives(layers_of_primitives(), {2, 4, 1, 2}, second_gradient_error);
}
TEST(AtenEngine, differentiates_every_catalogue_layer) {
    expect_right_derivatives(layers_of_catalogue(), {2, 4, 2, 2}, gradient_error);
}
TEST(AtenEngine, differentiates_every_catalogue_layer_twice) {
    expect_right_derivatives(layers_of_catalogue(), {2, 4, 2, 2}, second_gradient_error);
}

/// Planes of one pixel, a batch of one with channels that 32 does not divide, one channel.
TEST(AtenEngine, differentiates_at_odd_shapes) {
    for (const char* name : {"BN-ReLU", "GN-ReLU", "LN-ReLU", "FRN-TLU", "EvoNorm-B0", "EvoNorm-S0"}) {
        const std::vector<Layer> layer{primitives::find_in_catalogue(name)->layer};
        for (const std::array<int, 4> shape : {std::array{2, 7, 1, 1}, std::array{4, 1, 2, 3}}) {
            expect_right_derivatives(layer, shape, gradient_error);
            expect_right_derivatives(layer, shape, second_gradient_error);
        }
        expect_right_derivatives(layer, {1, 33, 3, 1}, gradient_error);
    }
}

TEST(AtenEngine, moves_the_averages_of_batch_moments_while_training) {
    for (const Layer& layer : sample_layers()) {
        const Arguments arguments = draw_arguments(layer, {3, 4, 5, 2}, 7, any_distance);
        const PlainEvaluation plain = evaluate_plainly(layer.graph, layer.settings, arguments.x, arguments.parameters);
        for (const Normalizations way : normalizations) {
            std::vector<at::Tensor> averages = to_tensors(arguments.averages, at::kDouble);
            AtenEngine(way)
                .compile(layer.graph, layer.settings)
                ->forward(to_tensor(arguments.x, at::kDouble, at::MemoryFormat::ChannelsLast),
                          to_tensors(arguments.parameters, at::kDouble), averages, true);
            ASSERT_EQ(plain.statistics.size(), averages.size());
            for (std::size_t i = 0; i < averages.size(); ++i)
                for (int c = 0; c < 4; ++c)
                    EXPECT_NEAR(averages[i][c].item<double>(),
                                0.9 * arguments.averages[i][c] + 0.1 * plain.statistics[i][c], 1e-12)
                        << layer.name;
        }
    }
}

TEST(AtenEngine, leaves_the_averages_alone_at_evaluation) {
    for (const Layer& layer : layers_of_catalogue()) {
        const Arguments arguments = draw_arguments(layer, {3, 4, 5, 2}, 8, any_distance);
        std::vector<at::Tensor> averages = to_tensors(arguments.averages, at::kDouble);
        AtenEngine(Normalizations::fused)
            .compile(layer.graph, layer.settings)
            ->forward(to_tensor(arguments.x, at::kDouble, at::MemoryFormat::Contiguous),
                      to_tensors(arguments.parameters, at::kDouble), averages, false);
        for (std::size_t i = 0; i < averages.size(); ++i)
            EXPECT_TRUE(averages[i].equal(to_tensor(arguments.averages[i], at::kDouble))) << layer.name;
    }
}

/// Where the mean is 10^4 times the standard deviation, E[x²] - E[x]² in single precision has no right digit.
TEST(AtenEngine, takes_moments_right_where_the_mean_is_ten_thousand) {
    at::manual_seed(9);
    const at::Tensor data = at::randn({16, 64, 16, 16}, at::kDouble).add_(1e4).to(at::kFloat);
    const Parameters parameters{at::zeros({64}), at::ones({64}), at::ones({64}), at::zeros({64})};
    const Parameters doubled{at::zeros({64}, at::kDouble), at::ones({64}, at::kDouble), at::ones({64}, at::kDouble),
                             at::zeros({64}, at::kDouble)};
    for (const primitives::IndexSet set : primitives::index_sets)
        for (const std::string moment : {"mean", "rms", "std"})
            for (const at::MemoryFormat format : formats) {
                const auto graph = primitives::parse_text(moment + "_" + std::string(primitives::name(set)) + "(x)");
                const auto layer = AtenEngine(Normalizations::fused).compile(graph, {});
                std::vector<at::Tensor> averages(averaged_nodes(graph).size(), at::ones({64}));
                std::vector<at::Tensor> double_averages(averages.size(), at::ones({64}, at::kDouble));
                const at::Tensor single = layer->forward(data.contiguous(format), parameters, averages, true);
                const at::Tensor exact = layer->forward(data.to(at::kDouble), doubled, double_averages, true);
                EXPECT_LT(((single - exact) / exact).abs().max().item<double>(), 1e-4)
                    << moment << " over " << primitives::name(set) << ", " << format;
            }
}

TEST(AtenEngine, gives_the_same_bits_on_two_threads_at_once) {
    const primitives::Layer& layer = primitives::find_in_catalogue("EvoNorm-B0")->layer;
    const auto compiled = AtenEngine(Normalizations::fused).compile(layer.graph, layer.settings);
    const auto train = [&](at::Tensor& gradient) {
        const Arguments arguments = draw_arguments(layer, {8, 16, 8, 8}, 10, any_distance);
        const at::Tensor x = to_tensor(arguments.x, at::kFloat, at::MemoryFormat::ChannelsLast).requires_grad_();
        std::vector<at::Tensor> averages = to_tensors(arguments.averages, at::kFloat);
        for (int step = 0; step < 20; ++step)
            compiled->forward(x, to_tensors(arguments.parameters, at::kFloat), averages, true)
                .square()
                .sum()
                .backward();
        gradient = x.grad();
    };
    std::array<at::Tensor, 3> gradients;
    train(gradients[0]);
    {
        const std::jthread first([&] { train(gradients[1]); });
        const std::jthread second([&] { train(gradients[2]); });
    }
    EXPECT_TRUE(gradients[1].equal(gradients[0]));
    EXPECT_TRUE(gradients[2].equal(gradients[0]));
}

at::Tensor forward(const std::string& text, const at::Tensor& x, std::int64_t channels, std::size_t averages) {
    const Parameters parameters{at::zeros({channels}), at::ones({channels}), at::ones({channels}),
                                at::zeros({channels})};
    std::vector<at::Tensor> moving(averages, at::ones({channels}));
    return AtenEngine(Normalizations::fused)
        .compile(primitives::parse_text(text), {})
        ->forward(x, parameters, moving, true);
}

TEST(AtenEngine, says_what_is_wrong_with_its_arguments) {
    using std::invalid_argument;
    EXPECT_THAT(
        [] {
            forward("x", at::zeros({0, 3, 8, 8}), 3, 0);
        },
        ThrowsMessage<invalid_argument>(HasSubstr("no elements: its shape is [0, 3, 8, 8]")));
    EXPECT_THAT(
        [] {
            forward("x", at::zeros({3, 8, 8}), 3, 0);
        },
        ThrowsMessage<invalid_argument>(HasSubstr("four dimensions")));
    EXPECT_THAT(
        [] {
            forward("v0*x", at::zeros({1, 4, 8, 8}), 3, 0);
        },
        ThrowsMessage<invalid_argument>(HasSubstr("v0 must have one value for each of the 4 channels")));
    EXPECT_THAT(
        [] {
            forward("x", at::zeros({1, 3, 8, 8}, at::kLong), 3, 0);
        },
        ThrowsMessage<invalid_argument>(HasSubstr("float32 or float64")));
    EXPECT_THAT(
        [] {
            forward("x", at::zeros({1, 3, 8, 8}, at::kDouble), 3, 0);
        },
        ThrowsMessage<invalid_argument>(HasSubstr("same type")));
    EXPECT_THAT(
        [] {
            forward("std_batch(x)", at::zeros({1, 3, 8, 8}), 3, 0);
        },
        ThrowsMessage<invalid_argument>(HasSubstr("1 moving averages needed, 0 given")));
}

TEST(AtenEngine, refuses_a_graph_that_is_not_well_formed) {
    EXPECT_THROW(AtenEngine(Normalizations::fused).compile({}, {}), primitives::InvalidGraph);
}

TEST(AtenEngine, takes_and_returns_slices_and_transposes) {
    const at::Tensor x = at::randn({2, 6, 5, 4}).transpose(2, 3).slice(1, 0, 3);
    EXPECT_TRUE(forward("x*sigmoid(x)/std_group(x)", x, 3, 0)
                    .allclose(forward("x*sigmoid(x)/std_group(x)", x.contiguous(), 3, 0)));
}

}  // namespace
}  // namespace normact::evaluator
