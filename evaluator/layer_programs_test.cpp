// The whole chain of a layer's programs: lowered, differentiated once and twice, with saved moments, factored.

#include "evaluator/layer_programs.h"

#include "evaluator/plain_program.h"
#include "evaluator/plane_means.h"
#include "evaluator/sample_layers.h"
#include "evaluator/schedule.h"
#include "primitives/catalogue.h"
#include "primitives/space.h"
#include "primitives/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace normact::evaluator {
namespace {

using primitives::Layer;

constexpr std::array shape{2, 4, 2, 3};
constexpr double step = 1e-5;

/// What the programs of a layer run on: its arguments, gradients, and what forward saved.
class Chain {
  public:
    Chain(const Layer& layer, bool training)
        : programs(layer_programs(layer.graph, layer.settings.epsilon, training)),
          groups_(primitives::groups_for(shape[1], layer.settings.groups)) {
        inputs = program_inputs(draw_arguments(layer, shape, 3));
        inputs.emplace("gradient of y", weights("y"));
        for (const std::string& name : programs.differentiable)
            inputs.emplace("gradient of gradient of " + name, weights(name));
        for (const auto& [name, value] : run(programs.forward))
            if (name.starts_with("saved")) inputs.emplace(name, value);
    }

    std::map<std::string, PlainTensor> run(const Program& program) const {
        return run_plainly(program, inputs, groups_);
    }
    std::map<std::string, PlainTensor> run_factored(const Program& program) const {
        return run_plainly(factor_means(program), inputs, groups_);
    }

    /// Fixed weights like the input of this name: one a channel for parameters.
    PlainTensor weights(const std::string& name) const {
        PlainTensor result = inputs.at("x");
        const bool whole = name == "x" || name == "y";
        for (std::size_t i = 0; i < result.values.size(); ++i) {
            const std::size_t index = whole ? i : i / static_cast<std::size_t>(shape[2] * shape[3]) % shape[1];
            result.values[i] = std::sin(1.0 + 0.7 * static_cast<double>(index) + static_cast<double>(name.size()));
        }
        return result;
    }

    /// Σ output·weights, over all elements of a tensor and once for each channel of a parameter.
    static double loss(const std::map<std::string, PlainTensor>& outputs, const std::string& output,
                       const PlainTensor& weights, bool whole) {
        double sum = 0;
        for (std::size_t i = 0; i < weights.values.size(); ++i) sum += outputs.at(output).values[i] * weights.values[i];
        return whole ? sum : sum / (shape[0] * shape[2] * shape[3]);
    }

    LayerPrograms programs;
    PlainInputs inputs;

  private:
    int groups_;
};

/// d(loss)/d(input along weights), by central differences of the step 1e-5: exact to 1e-10 of third derivatives, and to
/// 1e-16/1e-5 = 1e-11 of the loss.
double difference_quotient(Chain& chain, const std::string& input, const PlainTensor& direction,
                           const std::function<double()>& loss) {
    const PlainTensor before = chain.inputs.at(input);
    std::array<double, 2> losses{};
    for (const int sign : {1, -1}) {
        PlainTensor& moved = chain.inputs.at(input);
        for (std::size_t i = 0; i < moved.values.size(); ++i)
            moved.values[i] = before.values[i] + sign * step * direction.values[i];
        losses[sign > 0 ? 0 : 1] = loss();
        moved = before;
    }
    return (losses[0] - losses[1]) / (2 * step);
}

void expect_near(double found, double wanted, const std::string& what) {
    EXPECT_NEAR(found, wanted, 2e-6 * (1 + std::abs(wanted))) << what;
}

std::vector<Layer> layers() {
    std::vector<Layer> all = sample_layers();
    for (const char* text : {"x/std_batch(x*sigmoid(v1*x)/std_instance(x))", "mean_layer(x/rms_batch(x))*x",
                             "std_batch(x - mean_layer(x))*tanh(x)", "sqrt(x*v1)/rms_group(log(x))"})
        all.push_back({text, primitives::parse_text(text), {}});
    return all;
}

TEST(LayerPrograms, backward_is_the_derivative_of_forward) {
    for (const Layer& layer : layers())
        for (const bool training : {true, false}) {
            SCOPED_TRACE(layer.name + (training ? ", training" : ", evaluation"));
            Chain chain(layer, training);
            const auto gradients = chain.run(chain.programs.backward);
            for (const std::string& name : chain.programs.differentiable) {
                const PlainTensor direction = chain.weights(name);
                const double found = Chain::loss(gradients, "gradient of " + name, direction, name == "x");
                const double wanted = difference_quotient(chain, name, direction, [&] {
                    return Chain::loss(chain.run(chain.programs.forward), "y", chain.inputs.at("gradient of y"), true);
                });
                expect_near(found, wanted, name);
            }
        }
}

TEST(LayerPrograms, double_backward_is_the_derivative_of_backward) {
    for (const Layer& layer : layers())
        for (const bool training : {true, false}) {
            SCOPED_TRACE(layer.name + (training ? ", training" : ", evaluation"));
            Chain chain(layer, training);
            const auto gradients = chain.run(double_backward(chain.programs));
            // What is saved depends on x, so that backward is run after forward.
            const auto loss = [&] {
                for (auto& [name, value] : chain.run(chain.programs.forward))
                    if (name.starts_with("saved")) chain.inputs.at(name) = value;
                const auto outputs = chain.run(chain.programs.backward);
                double sum = 0;
                for (const std::string& name : chain.programs.differentiable)
                    sum += Chain::loss(outputs, "gradient of " + name,
                                       chain.inputs.at("gradient of gradient of " + name), name == "x");
                return sum;
            };
            std::vector<std::string> inputs = chain.programs.differentiable;
            inputs.emplace_back("gradient of y");
            for (const std::string& name : inputs) {
                const bool whole = name == "x" || name == "gradient of y";
                const PlainTensor direction = chain.weights(whole ? "x" : name);
                expect_near(Chain::loss(gradients, "gradient of " + name, direction, whole),
                            difference_quotient(chain, name, direction, loss), name);
            }
        }
}

TEST(FactoredMeans, compute_the_same) {
    for (const Layer& layer : layers())
        for (const bool training : {true, false}) {
            const Chain chain(layer, training);
            const Program second = double_backward(chain.programs);
            for (const Program* program : {&chain.programs.forward, &chain.programs.backward, &second}) {
                const auto wanted = chain.run(*program), found = chain.run_factored(*program);
                for (const auto& [name, value] : wanted)
                    for (std::size_t i = 0; i < value.values.size(); ++i)
                        ASSERT_NEAR(found.at(name).values[i], value.values[i], 1e-9 * (1 + std::abs(value.values[i])))
                            << layer.name << ": " << name;
            }
        }
}

TEST(FactoredMeans, are_taken_over_planes_alone) {
    for (const Layer& layer : layers()) {
        const LayerPrograms programs = layer_programs(layer.graph, layer.settings.epsilon, true);
        const Program second = double_backward(programs);
        for (const Program* program : {&programs.forward, &programs.backward, &second}) {
            const FactoredProgram factored = factor_means(*program);
            for (const Instruction& instruction : factored.program.instructions)
                if (instruction.operation == Operation::mean) {
                    EXPECT_FALSE(factored.program.instructions[instruction.operands[0]].extent.has_pixels());
                }
        }
    }
}

/// What backward keeps beside its inputs: moments in double. At N=128, C=64, 32×32.
TEST(LayerPrograms, save_at_most_a_twentieth_of_x) {
    constexpr int images = 128, channels = 64, pixels = 32 * 32;
    std::vector<primitives::LayerGraph> graphs;
    for (const primitives::CatalogueEntry& entry : primitives::catalogue()) graphs.push_back(entry.layer.graph);
    Generator generator(12);
    for (int i = 0; i < 2000; ++i)
        graphs.push_back(primitives::random_graph(generator, primitives::paper_space(i % 2 == 0)));
    std::size_t most = 0;
    for (const primitives::LayerGraph& graph : graphs) {
        const Program forward = layer_programs(graph, 1e-5, true).forward;
        std::size_t bytes = 0;
        for (const ProgramOutput& output : forward.outputs) {
            if (!output.name.starts_with("saved")) continue;
            const Extent extent = forward.instructions[output.value].extent;
            ASSERT_FALSE(extent.has_pixels()) << primitives::to_text(graph);
            bytes += sizeof(double) * (extent.has_images() ? images : 1) * (extent.has_groups() ? channels : 1);
        }
        EXPECT_LE(bytes, sizeof(float) * images * channels * pixels / 20) << primitives::to_text(graph);
        most = std::max(most, bytes);
    }
    EXPECT_GT(most, 0U);
}

struct Floor {
    const char* layer;
    int forward, backward;  // bytes an element in float32
};

/// kernels.md: forward 4(B+2), backward 8(B'+1)+4 with B barriers across planes; 8 and 12 where a plane or group stays
/// in the cache.
TEST(Schedule, moves_no_more_than_the_floor) {
    for (const auto& [name, forward, backward] :
         {Floor{"BN-ReLU", 12, 20}, Floor{"EvoNorm-B0", 12, 20}, Floor{"EvoNorm-S0", 8, 12}, Floor{"GN-ReLU", 8, 12},
          Floor{"GN-SiLU", 8, 12}, Floor{"LN-ReLU", 8, 12}, Floor{"FRN-TLU", 8, 12}, Floor{"IN-ReLU", 8, 12}}) {
        const Layer& layer = primitives::find_in_catalogue(name)->layer;
        const LayerPrograms programs = layer_programs(layer.graph, layer.settings.epsilon, true);
        EXPECT_EQ(elements_moved(schedule(programs.backward)), least_elements_moved(schedule(programs.backward)));
        EXPECT_EQ(4 * elements_moved(schedule(programs.forward)), forward) << to_text(schedule(programs.forward));
        EXPECT_EQ(4 * elements_moved(schedule(programs.backward)), backward) << to_text(schedule(programs.backward));
    }
}

/// The mean of a sum with a factor that is known late: its terms' means are known early.
TEST(Schedule, takes_one_pass_for_sums_and_one_for_the_gradient) {
    for (const char* name : {"GN-SiLU", "LN-ReLU", "EvoNorm-S0"}) {
        const Layer& layer = primitives::find_in_catalogue(name)->layer;
        const Schedule backward = schedule(layer_programs(layer.graph, layer.settings.epsilon, true).backward);
        ASSERT_EQ(backward.sweeps.size(), 1U) << to_text(backward);
        EXPECT_EQ(backward.sweeps[0].passes.size(), 2U) << to_text(backward);
    }
}

}  // namespace
}  // namespace normact::evaluator
