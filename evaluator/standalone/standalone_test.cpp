// The exported CUDA C++, its kernels run on the CPU, against the exported C, which tools/export_c_test.py compares with
// the engine aten.

#include "evaluator/standalone/standalone.h"

#include "evaluator/cuda/emulated_module.h"
#include "primitives/catalogue.h"
#include "primitives/generator.h"
#include "primitives/space.h"
#include "primitives/text.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <regex>
#include <sstream>
#include <tuple>

namespace normact::evaluator::standalone {
namespace {

using cuda::EmulatedModule;
using cuda::TurnOrder;
using primitives::Layer;

/// What the sources take from headers, and launches as calls.
std::string emulated(std::string text) {
    text = std::regex_replace(text, std::regex("#include .*\n"), "");
    text = std::regex_replace(text, std::regex("(\\w+)<<<(.*), (\\d+), 0, stream>>>\\(a\\);"),
                              "emulated_launch(\"$1\", $2, $3, &a);");
    text = std::regex_replace(text, std::regex("\nsize_t"), "\nextern \"C\" size_t");
    return "typedef unsigned long size_t;\ntypedef void cudaError_t;\ntypedef void* cudaStream_t;\n"
           "#define INFINITY __builtin_inff()\n#define NAN __builtin_nanf(\"\")\n"
           "static void cudaGetLastError() {}\n"
           "extern \"C\" { void (*emulated_launch)(const char*, long, long, void*); }\n" +
           text;
}

constexpr std::array functions{"layer_training", "layer_evaluation", "layer_backward"};

/// An exported source, whose functions can be called here.
class Exported {
  public:
    Exported(const Layer& layer, Language language, TurnOrder order)
        : source_(source(layer, language, "layer")), order_(order), module_(emulated(source_.text), names()) {}

    std::size_t size(const char* function, int n, int c) const {
        return reinterpret_cast<std::size_t (*)(int, int)>(module_.find(function))(n, c);
    }

    /// Calls a function with arguments by name, as its declaration in the source asks for them.
    void call(const std::string& function, const std::array<int, 4>& shape,
              const std::map<std::string, void*>& arguments) const {
        std::array<int, 4> sizes = shape;
        std::vector<void*> pointers{nullptr};
        std::vector<void*> places{sizes.data(), &sizes[1], &sizes[2], &sizes[3]};
        const std::regex declaration(" " + function + "\\(([^)]*)\\)"), pointer("\\*(\\w+)");
        std::smatch found;
        if (!std::regex_search(source_.text, found, declaration)) throw std::runtime_error("no " + function);
        const std::string parameters = found[1];
        for (std::sregex_iterator i(parameters.begin(), parameters.end(), pointer), end; i != end; ++i)
            pointers.push_back(arguments.at((*i)[1]));
        for (std::size_t i = 1; i < pointers.size(); ++i) places.push_back(static_cast<void*>(&pointers[i]));
        places.push_back(static_cast<void*>(pointers.data()));  // the stream
        running = this;
        *static_cast<void (**)(const char*, long, long, void*)>(module_.find("emulated_launch")) =
            [](const char* kernel, long blocks, long threads, void* of_kernel) {
                running->module_.launch(kernel, blocks, threads, 0, {of_kernel}, running->order_);
            };
        module_.launch(function, 1, 1, 0, places, order_);
    }

    const std::string& text() const { return source_.text; }

  private:
    std::vector<std::string> names() const {
        std::vector<std::string> all = source_.kernels;
        all.insert(all.end(), functions.begin(), functions.end());
        return all;
    }

    static inline const Exported* running = nullptr;
    Source source_;
    TurnOrder order_;
    EmulatedModule module_;
};

/// All that the functions read and write.
class Memory {
  public:
    Memory(const Exported& exported, const std::array<int, 4>& shape) {
        const auto [n, c, h, w] = shape;
        const auto elements = std::size_t{1} * n * c * h * w, channels = static_cast<std::size_t>(c);
        for (const char* const name : {"x", "gradient_of_y", "y", "gradient_of_x"}) floats_[name].resize(elements);
        for (const char* const name : {"v0", "v1", "gamma", "beta"}) {
            floats_[name].resize(channels);
            floats_[std::string("gradient_of_") + name].resize(channels);
        }
        for (int k = 0; k < 16; ++k) floats_["average_" + std::to_string(k)].resize(channels);
        double phase = 0;
        for (auto& [name, values] : floats_)
            for (float& value : values)
                value = static_cast<float>(is_about_0(name) ? std::sin(phase += 0.7) + 0.1
                                                            : 1 + std::sin(phase += 0.7) / 4);
        saved_.resize(exported.size("layer_saved_size", n, c) + 1, std::nan(""));
        tables_.resize(exported.size("layer_table_size", n, c) + 1, std::nan(""));
    }

    std::map<std::string, void*> arguments() {
        std::map<std::string, void*> all{{"saved", saved_.data()}, {"tables", tables_.data()}};
        for (auto& [name, values] : floats_) all[name] = values.data();
        return all;
    }

    /// Fails if the guard behind a table was overwritten.
    void expect_guards() const {
        EXPECT_TRUE(std::isnan(saved_.back()));
        EXPECT_TRUE(std::isnan(tables_.back()));
    }

    const std::map<std::string, std::vector<float>>& floats() const { return floats_; }
    std::vector<float>& operator[](const std::string& name) { return floats_.at(name); }

  private:
    static bool is_about_0(const std::string& name) { return name == "x" || name == "v0" || name == "gradient_of_y"; }

    std::map<std::string, std::vector<float>> floats_;
    std::vector<double> saved_, tables_;
};

/// All floats after all functions; y of the evaluation under a name of its own.
std::map<std::string, std::vector<float>> results(const Exported& exported, const std::array<int, 4>& shape) {
    Memory memory(exported, shape);
    exported.call("layer_evaluation", shape, memory.arguments());
    std::vector<float> evaluated = memory["y"];
    exported.call("layer_training", shape, memory.arguments());
    exported.call("layer_backward", shape, memory.arguments());
    memory.expect_guards();
    auto all = memory.floats();
    all["y at evaluation"] = std::move(evaluated);
    return all;
}

/// Both take the same steps in float, apart from the order of sums in double: a sum may be rounded to a neighbour in
/// float, which 1e-5 of the largest value allows for where it is not amplified.
void expect_agreement(const Layer& layer, const std::vector<std::array<int, 4>>& shapes) {
    const Exported in_c(layer, Language::c, TurnOrder::first_to_last);
    const Exported forwards(layer, Language::cuda, TurnOrder::first_to_last);
    const Exported backwards(layer, Language::cuda, TurnOrder::last_to_first);
    for (const std::array<int, 4>& shape : shapes) {
        const auto wanted = results(in_c, shape), found = results(forwards, shape), turned = results(backwards, shape);
        for (const auto& [name, values] : wanted) {
            float largest = 1;
            for (const float value : values) largest = std::max(largest, std::abs(value));
            for (std::size_t i = 0; i < values.size(); ++i) {
                const float mine = found.at(name)[i], other = turned.at(name)[i];
                ASSERT_TRUE(mine == other || (std::isnan(mine) && std::isnan(other)))
                    << layer.name << ": " << name << " depends on the order of threads\n"
                    << forwards.text();
                if (std::isfinite(values[i]))
                    ASSERT_NEAR(mine, values[i], 1e-5F * largest) << layer.name << ": " << name << ", element " << i;
                else
                    ASSERT_FALSE(std::isfinite(mine)) << layer.name << ": " << name << ", element " << i;
            }
        }
    }
}

/// Off every width: more planes than warps, more pixels than lanes, one of everything.
const std::vector<std::array<int, 4>> shapes{{2, 7, 3, 5}, {3, 36, 1, 1}, {1, 1, 6, 7}};

class CudaOfLayer : public testing::TestWithParam<Layer> {};

std::vector<Layer> layers_of_catalogue() {
    std::vector<Layer> layers;
    for (const auto& entry : primitives::catalogue()) layers.push_back(entry.layer);
    return layers;
}
INSTANTIATE_TEST_SUITE_P(Catalogue, CudaOfLayer, testing::ValuesIn(layers_of_catalogue()),
                         [](const auto& test) { return function_prefix(test.param.name); });

TEST_P(CudaOfLayer, computes_what_its_c_computes) { expect_agreement(GetParam(), shapes); }

TEST(StandaloneSource, in_cuda_computes_random_layers_as_in_c) {
    Generator generator(5);
    for (const auto& graph : primitives::sample_graphs(generator, 12)) {
        expect_agreement({primitives::to_text(graph), graph, {}}, {shapes.front()});
        if (testing::Test::HasFailure()) return;
    }
}

/// Means of what has no pixels, over each index set.
TEST(StandaloneSource, in_cuda_computes_means_of_small_values_as_in_c) {
    for (const char* text :
         {"x*std_group(v1)*std_layer(v0 + rms_batch(x))", "x + std_batch(mean_layer(x))*mean_layer(v1)",
          "x*rms_layer(std_group(x)*v1)", "std_batch(std_instance(x))", "v0", "mean_batch(v1) + zero"})
        expect_agreement({text, primitives::parse_text(text), {}}, shapes);
}

/// Within the bounds, which an int of 32 bits sets, sizes of memory pass those of an int.
TEST(StandaloneSource, says_how_large_sizes_may_be) {
    const Layer layer{"BIN-ReLU", primitives::find_in_catalogue("BIN-ReLU")->layer.graph, {}};
    for (const auto& [language, bounds, most] :
         {std::tuple{Language::c, "(N + 1)*C and H*W", (1 << 30) - 1},
          std::tuple{Language::cuda, "32*N*C + 255, (N + 32)*C and H*W + 31", 65'075'262}}) {
        const Exported exported(layer, language, TurnOrder::first_to_last);
        EXPECT_NE(exported.text().find(bounds), std::string::npos);
        for (const char* const function : {"layer_saved_size", "layer_table_size"}) {
            const std::size_t fixed = exported.size(function, 1, 0), by_channel = exported.size(function, 1, 1) - fixed;
            EXPECT_EQ(exported.size(function, 1, most), fixed + by_channel * static_cast<std::size_t>(most));
        }
    }
}

TEST(StandaloneSource, is_named_after_the_layer) {
    EXPECT_EQ(function_prefix("EvoNorm-B0"), "evonorm_b0");
    EXPECT_EQ(function_prefix("candidate 694"), "candidate_694");
    EXPECT_EQ(function_prefix("*/ 12"), "layer");
    const Layer evil{
        "*/ int main() { \\\n // ?"
        "?/",
        primitives::parse_text("x"),
        {}};
    for (const Language language : {Language::c, Language::cuda}) {
        const std::string text = source(evil, language, "layer").text;
        EXPECT_EQ(text.find("*/ int main"), std::string::npos);
        EXPECT_EQ(text.find('\\'), std::string::npos);
    }
}

}  // namespace
}  // namespace normact::evaluator::standalone
