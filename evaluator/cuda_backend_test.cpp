// The engine cuda with kernels that run on the CPU: tensors, autograd, moving averages, types.

#include "evaluator/cuda_backend.h"

#include "evaluator/aten_engine.h"
#include "evaluator/cuda/emulated_driver.h"
#include "evaluator/fused_engine.h"
#include "evaluator/sample_layers.h"
#include "evaluator/sample_tensors.h"
#include "primitives/catalogue.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace normact::evaluator {
namespace {

using primitives::Layer;
using testing::HasSubstr;

std::shared_ptr<const Backend> emulated_backend() {
    return cuda_backend([] { return cuda::emulated_loader(); }, c10::DeviceType::CPU);
}

const Layer& layer_named(const char* name) { return primitives::find_in_catalogue(name)->layer; }

/// The output, the averages after a step, and first and second derivatives.
struct Results {
    at::Tensor y;
    std::vector<at::Tensor> averages, first, second;
};

Results results(const Engine& engine, const Layer& layer, const Arguments& arguments, at::ScalarType type,
                at::MemoryFormat format, at::ScalarType type_of_x) {
    const auto compiled = engine.compile(layer.graph, layer.settings);
    const at::Tensor x = to_tensor(arguments.x, type_of_x, format).requires_grad_();
    Parameters parameters = to_tensors(arguments.parameters, type);
    std::vector<at::Tensor> of{x};
    for (at::Tensor* p : {&parameters.v0, &parameters.v1, &parameters.gamma, &parameters.beta})
        of.push_back(p->requires_grad_());
    Results r{.y = {}, .averages = to_tensors(arguments.averages, type), .first = {}, .second = {}};
    r.y = compiled->forward(x, parameters, r.averages, /*training=*/true);
    const at::Tensor weights = at::linspace(-1, 1, r.y.numel(), at::kDouble).view(r.y.sizes()).to(type_of_x);
    r.first = torch::autograd::grad({r.y}, of, {weights.clone(format)}, true, /*create_graph=*/true, true);
    at::Tensor loss = at::zeros({}, type);
    for (const at::Tensor& gradient : r.first)
        if (gradient.defined()) loss = loss + gradient.square().sum();
    r.second = torch::autograd::grad({loss}, {x}, {}, true, false, true);
    return r;
}

/// float32 against double, through a second derivative.
void expect_near(const at::Tensor& found, const at::Tensor& wanted, double tolerance, const std::string& what) {
    ASSERT_EQ(found.defined(), wanted.defined()) << what;
    if (!found.defined()) return;
    const auto largest = wanted.abs().max().item<double>();
    EXPECT_LT((found.to(at::kDouble) - wanted).abs().max().item<double>(), tolerance * (1 + largest)) << what;
}

void expect_agreement(const char* name, at::MemoryFormat format, at::ScalarType type_of_x, double tolerance) {
    const Layer& layer = layer_named(name);
    const Arguments arguments = draw_arguments(layer, {2, 6, 4, 4}, 3, 1e-2);
    const FusedEngine engine("cuda", emulated_backend());
    const Results found = results(engine, layer, arguments, at::kFloat, format, type_of_x);
    const Results wanted =
        results(AtenEngine(Normalizations::composed), layer, arguments, at::kDouble, format, at::kDouble);
    const std::string what = std::string(name) + (format == at::MemoryFormat::Contiguous ? "" : " channels_last");
    EXPECT_EQ(found.y.scalar_type(), type_of_x);
    EXPECT_TRUE(found.y.is_contiguous(format));
    expect_near(found.y, wanted.y, tolerance, what + ": y");
    for (std::size_t i = 0; i < wanted.averages.size(); ++i)
        expect_near(found.averages[i], wanted.averages[i], tolerance, what + ": average");
    for (std::size_t i = 0; i < wanted.first.size(); ++i)
        expect_near(found.first[i], wanted.first[i], 10 * tolerance, what + ": gradient " + std::to_string(i));
    expect_near(found.second[0], wanted.second[0], 100 * tolerance, what + ": second derivative");
}

TEST(CudaEngine, agrees_with_the_reference_through_autograd) {
    for (const char* name : {"BN-ReLU", "GN-SiLU", "EvoNorm-B0", "EvoNorm-S0"})
        for (const at::MemoryFormat format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast})
            expect_agreement(name, format, at::kFloat, 1e-5);
}

/// Elements of 8 and 11 significant bits: rounded at the input, at y and at gradients.
TEST(CudaEngine, takes_bfloat16_and_float16) {
    for (const at::MemoryFormat format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
        expect_agreement("EvoNorm-S0", format, at::kBFloat16, 0.02);
        expect_agreement("EvoNorm-S0", format, at::kHalf, 0.003);
    }
}

TEST(CudaEngine, uses_averages_at_evaluation) {
    const Layer& layer = layer_named("EvoNorm-B0");
    const Arguments arguments = draw_arguments(layer, {2, 6, 4, 4}, 3, 1e-2);
    const auto run = [&](const Engine& engine, at::ScalarType type) {
        std::vector<at::Tensor> averages = to_tensors(arguments.averages, type);
        return engine.compile(layer.graph, layer.settings)
            ->forward(to_tensor(arguments.x, type, at::MemoryFormat::Contiguous),
                      to_tensors(arguments.parameters, type), averages, /*training=*/false);
    };
    expect_near(run(FusedEngine("cuda", emulated_backend()), at::kFloat),
                run(AtenEngine(Normalizations::composed), at::kDouble), 1e-5, "evaluation");
}

TEST(CudaEngine, says_what_it_cannot_take) {
    const FusedEngine engine("cuda", cuda_backend([] { return cuda::emulated_loader(); }));
    const auto compiled = engine.compile(layer_named("SiLU").graph, {});
    const auto message = [&](const at::Tensor& x) {
        const Parameters parameters{.v0 = {}, .v1 = {}, .gamma = at::ones({2}), .beta = at::zeros({2})};
        try {
            (void)compiled->forward(x, parameters, {}, true);
        } catch (const std::invalid_argument& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_THAT(message(at::ones({1, 2, 3, 3})), HasSubstr("needs x in the memory of a GPU; it is on cpu"));
}

TEST(CudaEngine, says_what_the_machine_lacks) {
    const FusedEngine engine(
        "cuda",
        cuda_backend([]() -> std::shared_ptr<const cuda::KernelLoader> { throw std::runtime_error("no driver"); },
                     c10::DeviceType::CPU));
    const auto compiled = engine.compile(layer_named("SiLU").graph, {});
    const Parameters parameters{.v0 = {}, .v1 = {}, .gamma = at::ones({2}), .beta = at::zeros({2})};
    for (int attempt = 0; attempt < 2; ++attempt)
        EXPECT_THROW((void)compiled->forward(at::ones({1, 2, 3, 3}), parameters, {}, true), std::runtime_error);
}

}  // namespace
}  // namespace normact::evaluator
