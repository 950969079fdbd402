#include "primitives/pytorch.h"

#include "primitives/definitions.h"
#include "primitives/expression.h"
#include "primitives/pytorch_parts.h"
#include "primitives/source_comment.h"
#include "primitives/text.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

namespace normact::primitives {
namespace {

constexpr Style python_style{.notation = &Primitive::text,
                             .set = &IndexSetRow::name,
                             .subtraction = {"#1 - #2", Binding::sum, {Binding::sum, Binding::product}},
                             .open = "(",
                             .close = ")",
                             .name = "t#1"};

constexpr std::size_t longest_expression = 72;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string replaced(std::string text, const std::vector<std::pair<std::string_view, std::string>>& replacements) {
    for (const auto& [what, by] : replacements)
        for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
            text.replace(at, what.size(), by);
    return text;
}

/// The shortest number that reads back the same, with a point or an exponent.
std::string number_text(double number) {
    std::array<char, 32> text{};
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
    std::string result(text.data(), end);
    return result.find_first_of(".e") == std::string::npos ? result + ".0" : result;
}

/// What PyTorch calls a function of the text form. Most have the same name there.
std::string torch_function(Op op) {
    if (op == Op::max) return "torch.maximum";
    if (op == Op::sqrt || op == Op::log) return "signed_" + std::string(primitive(op).name);
    return "torch." + std::string(primitive(op).name);
}

/// The function of the file that takes the statistic of a moment.
std::string statistic_function(Op op) {
    return op == Op::rms ? "mean_square" : op == Op::std ? "variance" : std::string(primitive(op).name);
}

/// The statements of a graph, one for each moment, what is used again and what gets too long.
class Statements {
  public:
    explicit Statements(const LayerGraph& graph) : graph_(graph), pieces_(graph.nodes.size()), uses_(pieces_.size()) {
        for (const Node& node : graph.nodes)
            for (const std::uint16_t input : inputs_of(node)) ++uses_[input];
    }

    void run() {
        const std::vector<bool> live = live_nodes(graph_);
        for (std::size_t i = 0; i < pieces_.size(); ++i) {
            const Node& node = graph_.nodes[i];
            if (!live[i]) continue;
            functions_.insert(node.op);
            const Kind kind = primitive(node.op).kind;
            if (kind == Kind::initial)
                pieces_[i] = {std::string(primitive(node.op).name)};
            else if (kind == Kind::moment)
                moment(i);
            else
                elementwise(i);
        }
        const Piece result = pieces_.back();
        output_ = result.binds >= Binding::product ? result.text : "(" + result.text + ")";
    }

    const std::string& lines() const { return lines_; }
    /// The output as a factor.
    const std::string& output() const { return output_; }
    /// The averages' numbers and initial values, in order.
    const std::vector<double>& averages() const { return averages_; }
    bool uses(Op op) const { return functions_.contains(op); }
    /// Names of the trainable inputs that there are.
    std::vector<std::string> parameters() const {
        std::vector<std::string> names;
        for (const Op op : {Op::v0, Op::v1})
            if (uses(op)) names.emplace_back(primitive(op).name);
        names.insert(names.end(), {"gamma", "beta"});
        return names;
    }

  private:
    void elementwise(std::size_t i) {
        const Node& node = graph_.nodes[i];
        const Primitive& row = primitive(node.op);
        Notation notation = row.text;
        std::string pattern;  // a call names PyTorch's function
        std::array<const Piece*, 2> inputs{&pieces_[node.inputs[0]], &pieces_[node.inputs[1]]};
        if (const Node& second = graph_.nodes[node.inputs[1]];
            node.op == Op::add && second.op == Op::neg && uses_[node.inputs[1]] == 1) {
            notation = python_style.subtraction;
            inputs[1] = &pieces_[second.inputs[0]];
        } else if (notation.pattern.starts_with(row.name)) {
            pattern = torch_function(node.op) + std::string(notation.pattern.substr(row.name.size()));
            notation.pattern = pattern;
        }
        pieces_[i] = {fill(notation, "", inputs, python_style), notation.binds};
        const bool is_output = i + 1 == pieces_.size();
        const bool is_subtracted = node.op == Op::neg && uses_[i] == 1;
        if (!is_output && !is_subtracted && (uses_[i] > 1 || pieces_[i].text.size() > longest_expression))
            name(i, "t", /*always_numbered=*/true);
    }

    void moment(std::size_t i) {
        const Node& node = graph_.nodes[i];
        const std::string set(primitives::name(node.over));
        std::string statistic = statistic_function(node.op) + "(" + pieces_[node.inputs[0]].text + ", " + set + ")";
        if (node.over == IndexSet::group)
            statistic =
                "over_groups(" + statistic_function(node.op) + ", " + pieces_[node.inputs[0]].text + ", groups)";
        if (node.over == IndexSet::batch) {
            const std::string number = std::to_string(averages_.size());
            statistic = "self.over_batch(" + statistic_function(node.op) + ", " + pieces_[node.inputs[0]].text +
                        ", self.average_" + number + ")";
            rows::for_each_moment([&]<typename Row>(Row) {
                if (Row::row.op == node.op) averages_.push_back(Row::initial_average);
            });
        }
        pieces_[i] = {node.op == Op::mean ? statistic : "torch.sqrt(" + statistic + " + self.epsilon)"};
        name(i, std::string(primitive(node.op).name) + "_" + set, /*always_numbered=*/false);
    }

    /// Gives the value a name: the wanted one, with a number where that is taken.
    void name(std::size_t i, const std::string& wanted, bool always_numbered) {
        const int number = ++named_[wanted];
        const std::string name =
            number == 1 && !always_numbered ? wanted : wanted + (always_numbered ? "" : "_") + std::to_string(number);
        lines_ += "        " + name + " = " + std::exchange(pieces_[i], {name}).text + "\n";
    }

    const LayerGraph& graph_;
    std::vector<Piece> pieces_;
    std::vector<int> uses_;
    std::string lines_, output_;
    std::vector<double> averages_;
    std::set<Op> functions_;
    std::map<std::string, int> named_;
};

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

std::string functions(const LayerGraph& graph, const Statements& statements) {
    std::string text;
    if (uses(graph, IndexSet::instance)) text += "instance = (2, 3)\n";
    if (uses(graph, IndexSet::layer) || uses(graph, IndexSet::group)) text += "layer = (1, 2, 3)\n";
    if (!text.empty()) text = "# The dimensions of index sets.\n" + text + "\n";
    const auto add = [&](bool is_used, std::string_view function) { text += is_used ? function : std::string_view(); };
    add(statements.uses(Op::mean), mean_function);
    add(statements.uses(Op::rms), mean_square_function);
    add(statements.uses(Op::std), variance_function);
    add(uses(graph, IndexSet::group), over_groups_function);
    add(statements.uses(Op::sqrt) || statements.uses(Op::log), nonzero_function);
    add(statements.uses(Op::sqrt), signed_sqrt_function);
    add(statements.uses(Op::log), signed_log_function);
    return text;
}

/// Whether the output differs by pixel.
bool output_has_pixels(const LayerGraph& graph) {
    std::vector<bool> has_pixels;
    for (const Node& node : graph.nodes) {
        const auto inputs = inputs_of(node);
        has_pixels.push_back(node.op == Op::x ||
                             (primitive(node.op).kind == Kind::elementwise &&
                              std::ranges::any_of(inputs, [&](auto input) { return bool(has_pixels[input]); })));
    }
    return has_pixels.back();
}

std::string constructor_body(const Statements& statements) {
    std::string lines;
    for (const std::string& name : statements.parameters()) {
        const char* const start = name == "v1" || name == "gamma" ? "ones" : "zeros";
        lines += "        self." + name + " = nn.Parameter(torch." + start + "(channels, **options))\n";
    }
    for (std::size_t k = 0; k < statements.averages().size(); ++k)
        lines += "        self.register_buffer(\"average_" + std::to_string(k) + "\", torch." +
                 (statements.averages()[k] == 0 ? "zeros" : "ones") + "(channels, **options))\n";
    return lines;
}

std::string composed_body(const LayerGraph& graph, const Statements& statements) {
    const std::vector<std::string> parameters = statements.parameters();
    std::string lines = "        " + joined(parameters) + " = (p.view(1, -1, 1, 1) for p in (";
    std::vector<std::string> own;
    for (const std::string& name : parameters) own.push_back("self." + name);
    lines += joined(own) + "))\n";
    if (!statements.averages().empty())
        lines +=
            "        if x.numel() == 0:  # it has no moments that the averages could follow\n"
            "            return (x*gamma + beta).to(kind)\n";
    if (statements.uses(Op::zero)) lines += "        zero = x.new_zeros(1, 1, 1, 1)\n";
    if (uses(graph, IndexSet::group))
        lines +=
            "        groups = next(g for g in range(min(self.groups, self.channels), 0, -1) if self.channels % g == "
            "0)\n";
    lines += statements.lines();
    lines += "        y = " + statements.output() + "*gamma + beta\n";
    if (!output_has_pixels(graph)) lines += "        y = torch.zeros_like(x) + y  # the same on all pixels\n";
    return lines + "        return y.to(kind)\n";
}

std::string fused_body(const Statements& statements) {
    std::vector<std::string> parameters, averages;
    for (const std::string& name : statements.parameters()) parameters.push_back("self." + name);
    for (std::size_t k = 0; k < statements.averages().size(); ++k)
        averages.push_back("self.average_" + std::to_string(k));
    const std::string_view rest = averages.empty() ? fused_without_averages : fused_with_averages;
    return replaced(std::string(fused_methods) + std::string(rest),
                    {{"@PARAMETERS", joined(parameters)}, {"@AVERAGES", joined(averages)}});
}

}  // namespace

std::string to_pytorch(const Layer& layer, std::string_view class_name) {
    const std::string text = to_text(layer.graph);
    // With the averages in the order in which the fused operator has them.
    const LayerGraph graph = reread(layer.graph);
    Statements statements(graph);
    statements.run();
    std::string file =
        replaced(std::string(heading),
                 {{"@NAME", plain_name(layer.name)}, {"@FORMULA", formula_lines(text, "    ")}, {"@TEXT", text}});
    file += functions(graph, statements);
    file += replaced(std::string(module_start), {{"@CLASS", std::string(class_name)},
                                                 {"@EPSILON", number_text(layer.settings.epsilon)},
                                                 {"@GROUPS", std::to_string(layer.settings.groups)}});
    file += constructor_body(statements);
    file += std::string(forward_method) + composed_body(graph, statements);
    if (!statements.averages().empty()) file += over_batch_method;
    return file + fused_body(statements) + std::string(last_method);
}

std::string class_name(std::string_view layer_name) {
    constexpr std::size_t longest = 40;
    std::string name;
    bool starts_word = true;
    for (const char c : layer_name) {
        if (name.size() == longest) break;
        if (is_letter(c) || (is_digit(c) && !name.empty())) {
            name += starts_word ? upper(c) : c;
            starts_word = false;
        } else {
            starts_word = true;
        }
    }
    if (name.empty() || name == "None" || name == "True" || name == "False") name = "Layer" + name;
    return name;
}

}  // namespace normact::primitives
