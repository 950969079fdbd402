// run_layer: lets a test in another language drive an engine.
//
//     run_layer export NAME   prints the exchange format of a catalogue layer
//     run_layer serve         answers requests on standard input until it ends
//
// A request is one line of JSON, {"layer": …, "type": "float32"|"float64", "channels_last": bool, "training": bool,
// "shape": [N,C,H,W]}, followed by raw numbers of that type in the order of N,C,H,W: x, the gradient of the output, v0,
// v1, gamma, beta, and the moving averages. The answer is raw numbers: the output, the gradients of x, v0, v1, gamma
// and beta, and the moved averages.

#include "evaluator/engine.h"
#include "primitives/catalogue.h"
#include "primitives/json.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <array>
#include <iostream>
#include <span>
#include <string>

namespace {

using namespace normact;

at::Tensor read(std::istream& in, at::IntArrayRef shape, at::ScalarType type) {
    at::Tensor tensor = at::empty(shape, type);
    in.read(static_cast<char*>(tensor.mutable_data_ptr()), static_cast<std::streamsize>(tensor.nbytes()));
    if (!in) throw std::runtime_error("the request ended within its numbers");
    return tensor;
}

void write(std::ostream& out, const at::Tensor& tensor) {
    const at::Tensor contiguous = tensor.contiguous();
    out.write(static_cast<const char*>(contiguous.const_data_ptr()), static_cast<std::streamsize>(contiguous.nbytes()));
}

void answer(const nlohmann::json& request, std::istream& in, std::ostream& out) {
    const primitives::Layer layer = primitives::parse_json(request.at("layer").dump());
    const at::ScalarType type = request.at("type") == "float64" ? at::kDouble : at::kFloat;
    const at::MemoryFormat format =
        request.at("channels_last") ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
    const auto shape = request.at("shape").get<std::vector<std::int64_t>>();
    const std::array channels{shape.at(1)};

    const at::Tensor x = read(in, shape, type).contiguous(format).requires_grad_();
    const at::Tensor gradient = read(in, shape, type).contiguous(format);
    std::array<at::Tensor, 4> parameters;
    for (at::Tensor& parameter : parameters) parameter = read(in, channels, type).requires_grad_();
    std::vector<at::Tensor> averages(evaluator::averaged_nodes(layer.graph).size());
    for (at::Tensor& average : averages) average = read(in, channels, type);

    const auto& [v0, v1, gamma, beta] = parameters;
    const at::Tensor output = evaluator::find_engine("aten")
                                  .compile(layer.graph, layer.settings)
                                  ->forward(x, {v0, v1, gamma, beta}, averages, request.at("training"));
    output.backward(gradient);
    write(out, output.detach());
    for (const at::Tensor& input : {x, v0, v1, gamma, beta})
        write(out, input.grad().defined() ? input.grad() : at::zeros_like(input));
    for (const at::Tensor& average : averages) write(out, average);
    out.flush();
}

int run(std::span<char*> arguments) {
    if (arguments.size() == 3 && std::string_view(arguments[1]) == "export") {
        const primitives::CatalogueEntry* entry = primitives::find_in_catalogue(arguments[2]);
        if (entry == nullptr) throw std::runtime_error("the catalogue has no layer " + std::string(arguments[2]));
        std::cout << primitives::to_json(entry->layer) << '\n';
        return 0;
    }
    if (arguments.size() == 2 && std::string_view(arguments[1]) == "serve") {
        for (std::string line; std::getline(std::cin, line);) answer(nlohmann::json::parse(line), std::cin, std::cout);
        return 0;
    }
    std::cerr << "usage: run_layer export NAME | run_layer serve\n";
    return 2;
}

}  // namespace

int main(int count, char** arguments) try {
    return run(std::span(arguments, static_cast<std::size_t>(count)));
} catch (const std::exception& error) {
    std::cerr << "run_layer: " << error.what() << '\n';
    return 1;
}
