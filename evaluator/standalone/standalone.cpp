#include "evaluator/standalone/standalone.h"

#include "evaluator/cuda/small_values.h"
#include "evaluator/layer_programs.h"
#include "evaluator/standalone/expressions.h"
#include "primitives/source_comment.h"
#include "primitives/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace normact::evaluator::standalone {
namespace {

using Form = ProgramOutput::Form;

/// A parameter of a function: "const float *x".
struct Parameter {
    std::string type, name;
};

/// One of the three functions.
struct Function {
    std::string name, comment;
    Program program;
    bool saves = false;
};

constexpr std::string_view heading = R"(/*
 * {name}: a layer in place of a normalization and its activation,
 * written by normact. It needs {needs}.
 *
{formula} *
 * Moments are biased, with epsilon = {epsilon} inside their roots: std_S(a) = sqrt(mean_S((a - mean_S(a))^2) + epsilon),
 * rms_S(a) = sqrt(mean_S(a^2) + epsilon), over the set S: batch (n,h,w), instance (h,w), layer (c,h,w), or group (the
 * channels of the group,h,w). Groups: the largest number of at most {groups} that divides C. sqrt and log keep the sign
 * of their argument and are 0 at 0. Sums are taken in double, all else of elements is in float.
 *
 * All functions take{stream}
 *     N, C, H, W       images, channels, height, width, each at least 1; an int must hold
 *                      {bounds}
 *     x, y             [N,C,H,W], contiguous, and not the same memory; so are gradient_of_x and gradient_of_y
 *     {parameters:<16} [C]; {starts}
{averages} *     gradient_of_...  what the loss changes with each; those of parameters are [C], and written, not added to
 *     saved            {prefix}_saved_size(N, C) doubles, which training leaves for backward
 *     tables           {prefix}_table_size(N, C) doubles of scratch memory
 *
 * {tuning}
 */
)";

bool is_saved(std::string_view name) { return name.starts_with("saved"); }

const char* type_of(const ProgramInput& input) { return input.saved ? "const double *" : "const float *"; }

/// What all functions take beside N, C, H, W, and before `tables`.
std::vector<Parameter> parameters_of(const Function& function) {
    std::vector<Parameter> parameters;
    for (const ProgramInput& input : function.program.inputs)
        if (!is_saved(input.name)) parameters.push_back({type_of(input), cuda::parameter_name(input.name)});
    if (function.name.ends_with("backward")) parameters.push_back({"const double *", "saved"});
    for (const ProgramOutput& output : function.program.outputs) {
        if (is_saved(output.name)) continue;
        std::string name = cuda::parameter_name(output.name);
        if (name.starts_with("statistic")) name.replace(0, std::string_view("statistic").size(), "average");
        parameters.push_back({"float *", name});
    }
    if (function.saves) parameters.push_back({"double *", "saved"});
    parameters.push_back({"double *", "tables"});
    return parameters;
}

/// What follows the name of a function, in lines of at most 100 characters.
std::string parameter_list(const std::vector<Parameter>& parameters, const std::string& last) {
    std::string text, line = "int N, int C, int H, int W";
    const auto add = [&](const std::string& parameter) {
        line += ',';
        if (line.size() + parameter.size() > 90) text += std::exchange(line, "") + "\n    ";
        line += (line.empty() ? "" : " ") + parameter;
    };
    for (const auto& [type, name] : parameters) add(type + name);
    if (!last.empty()) add(last);
    return "(\n    " + text + line + ")";
}

/// The moments that training leaves for backward.
std::vector<Table> saved_tables(const Program& backward) {
    std::vector<Table> tables;
    for (const ProgramInput& input : backward.inputs)
        if (input.saved) tables.push_back({cuda::parameter_name(input.name), size_of_table(input.extent)});
    return tables;
}

/// "3 * planes + 1 * (size_t)C + 2" of sizes of tables, where planes is a size_t.
std::string total(const std::vector<Table>& tables) {
    std::string text;
    for (const char* const size : {"planes", "N", "C", "1"}) {
        const auto count = std::ranges::count(tables, size, &Table::size);
        if (count == 0) continue;
        const char* const type = *size == 'N' || *size == 'C' ? "(size_t)" : "";
        text += (text.empty() ? "" : " + ") +
                (*size == '1' ? std::to_string(count) : fmt::format("{} * {}{}", count, type, size));
    }
    return text.empty() ? "0" : text;
}

class Writer {
  public:
    Writer(const primitives::Layer& layer, Language language, std::string_view prefix)
        : layer_(layer), language_(language), prefix_(prefix) {
        const LayerPrograms training = layer_programs(layer.graph, layer.settings.epsilon, /*training=*/true);
        const LayerPrograms evaluation = layer_programs(layer.graph, layer.settings.epsilon, /*training=*/false);
        Program plain = evaluation.forward;  // nothing is saved for a backward that there is not
        std::erase_if(plain.outputs, [](const ProgramOutput& output) { return is_saved(output.name); });
        saved_ = saved_tables(training.backward);
        functions_ = {
            {prefix_ + "_training",
             "Forward in training: gives y, moves the averages, and leaves in `saved` what backward needs.",
             training.forward, true},
            {prefix_ + "_evaluation", "Forward at evaluation, where the averages stand in for moments over batch.",
             plain, false},
            {prefix_ + "_backward", "Backward of training: from the gradient of y to those of x and the parameters.",
             training.backward, false},
        };
        for (const ProgramInput& input : training.forward.inputs)
            if (!input.extent.has_pixels()) parameters_.push_back(input.name);
    }

    Source run() {
        std::string code;
        std::vector<std::string> kernels;
        for (const Function& function : functions_) {
            const FunctionCode written(function.program, language_, function.name);
            code += is_cuda() ? cuda_function(function, written) : c_function(function, written);
            kernels.insert(kernels.end(), written.kernel_names().begin(), written.kernel_names().end());
            sizes_.push_back(total(written.tables()));
        }
        std::string text = comment() + includes();
        const char* const qualifiers = is_cuda() ? "static __device__ inline" : "static inline";
        const std::string functions = function_definitions(code, qualifiers);
        text += functions.empty() ? "" : functions + "\n";
        if (is_cuda()) text += cuda_functions(code);
        if (uses_groups(code)) text += groups_function();
        return {text + size_functions() + code, std::move(kernels)};
    }

  private:
    bool is_cuda() const { return language_ == Language::cuda; }
    static bool uses_groups(const std::string& code) { return code.find("of_group") != std::string::npos; }

    std::string comment() const {
        std::string parameters, starts, averages;
        for (const std::string& name : parameters_) {
            parameters += (parameters.empty() ? "" : ", ") + name;
            starts += (starts.empty() ? "" : ", ") + name +
                      (name == "v1" || name == "gamma" ? " starts at 1" : " starts at 0");
        }
        std::size_t number = 0;
        for (const primitives::Node& node : layer_.graph.nodes) {
            if (node.over != primitives::IndexSet::batch) continue;
            const bool is_mean = node.op == primitives::Op::mean;
            averages += fmt::format(
                " *     average_{}        [C], the moving average of a {} over batch; starts at {}\n", number++,
                is_mean                          ? "mean"
                : node.op == primitives::Op::std ? "variance"
                                                 : "mean square",
                is_mean ? 0 : 1);
        }
        const char* const needs =
            is_cuda() ? "nvcc and nothing else" : "a C99 compiler and its <math.h> and nothing else";
        const char* const tuning = is_cuda() ? "A warp takes a plane (n,c), so the kernels suit a thousand planes and "
                                               "more, of 8 x 8 pixels and more, on\n"
                                               " * any GPU since 2016. Results are the same to the last bit each time. "
                                               "Pointers are to memory of the GPU; functions\n"
                                               " * return once all is launched, and what cudaGetLastError() says."
                                             : "Plain loops for one thread: each reads x as often as the moments ask "
                                               "for, and keeps small tables alone.";
        // What indices and numbers of threads may come to: a loop over every 32nd of planes or pixels ends behind them.
        const char* const bounds = is_cuda() ? "32*N*C + 255, (N + 32)*C and H*W + 31" : "(N + 1)*C and H*W";
        return fmt::format(fmt::runtime(heading), fmt::arg("name", primitives::plain_name(layer_.name)),
                           fmt::arg("needs", needs),
                           fmt::arg("formula", primitives::formula_lines(primitives::to_text(layer_.graph), " *     ")),
                           fmt::arg("epsilon", layer_.settings.epsilon), fmt::arg("groups", layer_.settings.groups),
                           fmt::arg("stream", is_cuda() ? " a stream and" : ""), fmt::arg("parameters", parameters),
                           fmt::arg("starts", starts), fmt::arg("averages", averages), fmt::arg("prefix", prefix_),
                           fmt::arg("bounds", bounds), fmt::arg("tuning", tuning));
    }

    const char* includes() const {
        return is_cuda() ? "#include <cuda_runtime.h>\n#include <math.h>\n\n"
                         : "#include <math.h>\n#include <stddef.h>\n\n";
    }

    static std::string cuda_functions(const std::string& code) {
        std::string text;
        if (code.find("sum_of_warp") != std::string::npos)
            text +=
                "static __device__ inline double sum_of_warp(double value) {\n"
                "    for (int distance = 16; distance > 0; distance /= 2)\n"
                "        value += __shfl_xor_sync(0xffffffffu, value, distance);\n    return value;\n}\n\n";
        if (code.find("blocks_for") != std::string::npos)
            text +=
                "/* Blocks of 256 threads. */\nstatic inline int blocks_for(int threads) { return (threads + 255) / "
                "256; }\n\n";
        return text;
    }

    std::string groups_function() const {
        return fmt::format(
            "static int channels_of_group(int C)\n{{\n    int groups = C < {0} ? C : {0};\n"
            "    while (C % groups != 0) --groups;\n    return C / groups;\n}}\n\n",
            layer_.settings.groups);
    }

    /// How large the memory must be that callers provide.
    std::string size_functions() const {
        std::set<std::string> sizes(sizes_.begin(), sizes_.end());
        sizes.erase("0");
        return size_function("saved", {total(saved_)}) + size_function("table", sizes);
    }

    /// A function that returns the largest of the sizes.
    std::string size_function(const char* what, const std::set<std::string>& sizes) const {
        const bool of_planes = std::ranges::any_of(
            sizes, [](const std::string& size) { return size.find("planes") != std::string::npos; });
        std::string text = fmt::format("size_t {}_{}_size(int N, int C)\n{{\n", prefix_, what);
        if (of_planes) text += "    const size_t planes = (size_t)N * C;\n";
        if (sizes.size() < 2) return text + "    return " + (sizes.empty() ? "0" : *sizes.begin()) + ";\n}\n\n";
        text += "    size_t most = 0;\n";
        for (const std::string& size : sizes) text += fmt::format("    if (most < {0}) most = {0};\n", size);
        return text + "    return most;\n}\n\n";
    }

    /// Pointers to parts of `memory`, one after the other.
    static std::string divided(const std::vector<Table>& tables, const std::string& memory, const char* type,
                               const std::string& target) {
        std::string text, before = memory;
        for (const auto& [name, size] : tables) {
            text += fmt::format("    {}{}{} = {};\n", type, target, name, before);
            before = target + name + " + " + size;
        }
        return text;
    }

    std::string c_function(const Function& function, const FunctionCode& written) const {
        const std::string& body = written.body();
        const auto mentions = [&](const char* word) { return body.find(word) != std::string::npos; };
        std::string locals, tables = divided(written.tables(), "tables", "double *const ", "");
        if (function.saves) tables += divided(saved_, "saved", "double *const ", "");
        if (function.name.ends_with("backward")) tables += divided(saved_, "saved", "const double *const ", "");
        if (mentions("P")) locals += "    const int P = H * W;\n";
        if (mentions("planes") || tables.find("planes") != std::string::npos)
            locals += "    const int planes = N * C;\n";
        if (mentions("of_group")) locals += "    const int of_group = channels_of_group(C);\n";
        return fmt::format("/* {} */\nvoid {}{}\n{{\n{}{}\n{}}}\n\n", function.comment, function.name,
                           parameter_list(parameters_of(function), ""), locals, tables, indented(body));
    }

    std::string cuda_function(const Function& function, const FunctionCode& written) const {
        const std::vector<Parameter> parameters = parameters_of(function);
        const bool groups = uses_groups(written.kernels()) || uses_groups(written.body());
        std::string fields = fmt::format("    int N, C, P, planes{};\n", groups ? ", of_group" : ""), values;
        for (const auto& [type, name] : parameters) {
            if (name == "saved" || name == "tables") continue;
            fields += "    " + type + name + ";\n";
            values += fmt::format("    a.{0} = {0};\n", name);
        }
        const bool is_backward = function.name.ends_with("backward");
        for (const Table& table : written.tables()) fields += "    double *" + table.name + ";\n";
        if (function.saves || is_backward)
            for (const Table& table : saved_)
                fields += (is_backward ? "    const double *" : "    double *") + table.name + ";\n";
        std::string tables = divided(written.tables(), "tables", "", "a.");
        if (function.saves || is_backward) tables += divided(saved_, "saved", "", "a.");
        for (const char* const size : {"planes", "N", "C"}) replace_word(tables, size);
        return fmt::format(
            "struct {0}_arguments {{\n{1}}};\n{2}\n/* {3} */\ncudaError_t {0}{4}\n{{\n"
            "    {0}_arguments a = {{}};\n    a.N = N;\n    a.C = C;\n    a.P = H * W;\n    a.planes = N * C;\n"
            "{5}{6}{7}\n{8}    return cudaGetLastError();\n}}\n\n",
            function.name, fields, written.kernels(), function.comment,
            parameter_list(parameters, "cudaStream_t stream"), groups ? "    a.of_group = channels_of_group(C);\n" : "",
            values, tables, indented(written.body()));
    }

    static void replace_word(std::string& text, const std::string& size) {
        const std::string what = " + " + size + ";", by = " + a." + size + ";";
        for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
            text.replace(at, what.size(), by);
    }

    static std::string indented(const std::string& body) {
        std::string text;
        for (std::size_t begin = 0, end = 0; begin < body.size(); begin = end + 1) {
            end = body.find('\n', begin);
            text += "    " + body.substr(begin, end - begin) + "\n";
        }
        return text;
    }

    const primitives::Layer& layer_;
    Language language_;
    std::string prefix_;
    std::vector<Function> functions_;
    std::vector<Table> saved_;
    std::vector<std::string> parameters_, sizes_;
};

}  // namespace

Source source(const primitives::Layer& layer, Language language, std::string_view prefix) {
    // Averages in the order of the text form.
    const primitives::Layer written{layer.name, primitives::reread(layer.graph), layer.settings};
    return Writer(written, language, prefix).run();
}

std::string function_prefix(std::string_view layer_name) {
    constexpr std::size_t longest = 40;
    std::string name;
    for (const char c : layer_name) {
        if (name.size() == longest) break;
        const bool is_upper = c >= 'A' && c <= 'Z', is_letter = is_upper || (c >= 'a' && c <= 'z');
        if (is_letter || (c >= '0' && c <= '9' && !name.empty()))
            name += is_upper ? static_cast<char>(c - 'A' + 'a') : c;
        else if (!name.empty() && name.back() != '_')
            name += '_';
    }
    while (!name.empty() && name.back() == '_') name.pop_back();
    return name.empty() ? "layer" : name;
}

}  // namespace normact::evaluator::standalone
