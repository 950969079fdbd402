// How long NVRTC takes for the kernels of a new layer, forward and backward, on this machine's cores. Needs no GPU.
//
//     kernel_compile_time FOLDER_OF_NVRTC [RUNS]
//
// `one source`: each program as one source, backward after forward. `apart`: each kernel as a source of its own, all at
// once, as the engine cuda has it. `longest`: the longest kernel alone, which bounds `apart` however many cores there
// are.

#include "bench/arguments.h"
#include "bench/median.h"
#include "evaluator/cuda/kernel_compiler.h"
#include "evaluator/cuda/program_source.h"
#include "evaluator/layer_programs.h"
#include "primitives/catalogue.h"

#include <chrono>
#include <cstdio>
#include <future>
#include <string>
#include <vector>

namespace {

using namespace normact;
using namespace normact::evaluator;

constexpr int architecture = 90;

template <typename Work>
double milliseconds(const Work& work) {
    const auto before = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before).count();
}

/// The sources of forward and backward in float32, for large tensors.
std::vector<cuda::ProgramSource> sources_of(const primitives::LayerGraph& graph, bool channels_last) {
    const TensorShape shape{128, 64, std::int64_t{32} * 32, channels_last, 32};
    const LayerPrograms programs = layer_programs(graph, 1e-5, /*training=*/true);
    std::vector<cuda::ProgramSource> sources;
    for (const Program& program : {programs.forward, programs.backward}) {
        const Schedule scheduled = schedule(program, Reuse::compute_again);
        sources.push_back(
            cuda::program_source(scheduled, cuda::variant_for(scheduled, shape, ElementType::float32, 16)));
    }
    return sources;
}

std::vector<std::string> kernels_of(const std::vector<cuda::ProgramSource>& sources) {
    std::vector<std::string> kernels;
    for (const cuda::ProgramSource& source : sources)
        for (const cuda::KernelSource& kernel : source.kernels) kernels.push_back(source.text(kernel));
    return kernels;
}

void print_row(const cuda::Nvrtc& nvrtc, const std::string& name, bool channels_last, int runs) {
    const auto sources = sources_of(primitives::find_in_catalogue(name)->layer.graph, channels_last);
    const std::vector<std::string> kernels = kernels_of(sources);
    std::vector<double> together, apart, longest;
    for (int run = 0; run < runs; ++run) {
        together.push_back(milliseconds([&] {
            for (const auto& source : sources) (void)nvrtc.compile(source.text(), architecture);
        }));
        apart.push_back(milliseconds([&] {
            std::vector<std::future<std::string>> cubins;
            for (const std::string& kernel : kernels)
                cubins.push_back(std::async(std::launch::async, [&] { return nvrtc.compile(kernel, architecture); }));
            for (auto& cubin : cubins) (void)cubin.get();
        }));
        double most = 0;
        for (const std::string& kernel : kernels)
            most = std::max(most, milliseconds([&] { (void)nvrtc.compile(kernel, architecture); }));
        longest.push_back(most);
    }
    std::printf("%-12s %-14s %7zu %11.0f %6.0f %8.0f\n", name.c_str(), channels_last ? "channels_last" : "contiguous",
                kernels.size(), bench::median(together), bench::median(apart), bench::median(longest));
}

}  // namespace

int main(int count, char** words) {
    if (count < 2) {
        std::fprintf(stderr, "usage: kernel_compile_time FOLDER_OF_NVRTC [RUNS]\n");
        return 2;
    }
    const cuda::Nvrtc nvrtc({words[1]});
    const int runs = bench::number(count, words, 2, 5);
    (void)nvrtc.compile("extern \"C\" __global__ void kernel(float* x) { x[0] = 1; }", architecture);
    std::printf("milliseconds, medians of %d runs\n%-12s %-14s %7s %11s %6s %8s\n", runs, "layer", "memory", "kernels",
                "one source", "apart", "longest");
    for (const char* name : {"BN-ReLU", "EvoNorm-B0", "GN-SiLU", "EvoNorm-S0"})
        for (const bool channels_last : {false, true}) print_row(nvrtc, name, channels_last, runs);
}
