#include "evaluator/layer_module.h"

#include "primitives/catalogue.h"
#include "primitives/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

namespace normact::evaluator {
namespace {

using testing::ElementsAre;

LayerModule module_of(const std::string& text, std::int64_t channels) {
    return LayerModule(find_engine("aten").compile(primitives::parse_text(text), primitives::LayerSettings{}),
                       channels);
}

TEST(LayerModule, registers_only_what_the_graph_uses) {
    EXPECT_THAT(module_of("max(x, 0)", 4)->named_parameters().keys(), ElementsAre("gamma", "beta"));
    EXPECT_THAT(module_of("x*sigmoid(v1*x)/std_group(x)", 4)->named_parameters().keys(),
                ElementsAre("v1", "gamma", "beta"));
    EXPECT_THAT(module_of("v0 + v1*(x - mean_batch(x))/std_batch(x)", 4)->named_parameters().keys(),
                ElementsAre("v0", "v1", "gamma", "beta"));
}

TEST(LayerModule, starts_as_the_design_says) {
    const LayerModule layer = module_of("v0 + v1*(x - mean_batch(x))/std_batch(x)*rms_batch(x)", 4);
    for (const auto& parameter : layer->named_parameters()) {
        const bool one = parameter.key() == "v1" || parameter.key() == "gamma";
        EXPECT_TRUE(parameter.value().equal(torch::full({4}, one ? 1.0 : 0.0))) << parameter.key();
        EXPECT_TRUE(parameter.value().requires_grad());
    }
    std::vector<double> starts;
    for (const auto& buffer : layer->buffers()) starts.push_back(buffer[0].item<double>());
    EXPECT_THAT(starts, testing::UnorderedElementsAre(0.0, 1.0, 1.0));
    EXPECT_EQ(layer->buffers().size(), 3U);
}

TEST(LayerModule, evaluates_with_what_it_saw_while_training) {
    torch::manual_seed(1);
    LayerModule layer = module_of("(x - mean_batch(x))/std_batch(x)", 3);
    const torch::Tensor x = torch::randn({64, 3, 4, 4}) * 3 + 5;
    for (int step = 0; step < 200; ++step) layer(x);  // 0.9^200 of the first averages is left
    const torch::Tensor trained = layer(x);
    layer->eval();
    EXPECT_TRUE(layer(x).allclose(trained, 1e-4, 1e-4));
    EXPECT_TRUE(layer(x.slice(0, 0, 1)).allclose(trained.slice(0, 0, 1), 1e-4, 1e-4));
}

TEST(LayerModule, of_every_catalogue_layer_follows_a_change_of_type) {
    for (const primitives::CatalogueEntry& entry : primitives::catalogue()) {
        LayerModule layer(find_engine("aten").compile(entry.layer.graph, entry.layer.settings), 3);
        layer->to(torch::kDouble);
        EXPECT_EQ(layer(torch::randn({2, 3, 4, 4}, torch::kDouble)).scalar_type(), torch::kDouble) << entry.name;
    }
}

TEST(LayerModule, does_not_ask_for_what_only_dead_nodes_use) {
    primitives::LayerGraph graph = primitives::parse_text("max(v0*mean_batch(x), v1)");
    graph.nodes.push_back({.op = primitives::Op::tanh, .inputs = {0}});  // of x, the parser's first node
    LayerModule layer(find_engine("aten").compile(graph, primitives::LayerSettings{}), 3);
    const torch::Tensor x = torch::randn({2, 3, 4, 4});
    EXPECT_EQ(layer->parameters().size(), 2);  // gamma and beta
    EXPECT_TRUE(layer(x).allclose(x.tanh()));
}

TEST(LayerModule, gives_a_gradient_to_each_parameter_of_every_catalogue_layer) {
    torch::manual_seed(2);
    for (const primitives::CatalogueEntry& entry : primitives::catalogue()) {
        LayerModule layer(find_engine("aten").compile(entry.layer.graph, entry.layer.settings), 8);
        layer(torch::randn({4, 8, 5, 5}).contiguous(torch::MemoryFormat::ChannelsLast)).square().sum().backward();
        for (const auto& parameter : layer->named_parameters())
            EXPECT_TRUE(parameter.value().grad().defined()) << entry.name << ", " << parameter.key();
    }
}

}  // namespace
}  // namespace normact::evaluator
