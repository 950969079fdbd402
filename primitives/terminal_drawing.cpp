#include "primitives/terminal_drawing.h"

#include "primitives/expression.h"
#include "primitives/known_parts.h"

#include <algorithm>
#include <map>

namespace normact::primitives {
namespace {

/// What trees are made of. All pieces of a stem are three columns wide.
struct Strokes {
    std::string_view branch, last_branch, stem, no_stem, hole;
};
constexpr Strokes box_drawing{"├─ ", "└─ ", "│  ", "   ", "□"};
constexpr Strokes ascii{"|- ", "`- ", "|  ", "   ", "_"};

constexpr int deepest = 12;  ///< of 3 columns each; the longest line is then that of "t1024 = max(t1023, t1022)"

constexpr std::size_t widest = 80, gap = 3;

struct Line {
    std::string text;
    std::string note;
};

std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & '\xc0') != '\x80'; }));
}

class Drawing {
  public:
    Drawing(const LayerGraph& graph, const Strokes& strokes)
        : graph_(as_written(graph)), strokes_(strokes), plan_(graph_.nodes.size()) {
        for (const Node& node : graph_.nodes)
            for (std::size_t k = 0; k < inputs_of(node).size(); ++k) ++plan_[node.inputs[k]].uses;
        for (const KnownPart& part : known_parts(graph_)) parts_[part.node] = part;
        roots_.push_back(static_cast<std::uint16_t>(graph_.nodes.size() - 1));
        plan_[roots_[0]].is_placed = true;
        // NOLINTNEXTLINE(modernize-loop-convert): placing a root adds further ones
        for (std::size_t root = 0; root < roots_.size(); ++root) place(roots_[root], 0);
    }

    std::vector<Line> lines() {
        for (const std::uint16_t root : roots_) draw(root, "", "");
        return std::move(lines_);
    }

  private:
    struct Plan {
        int uses = 0;
        bool is_placed = false;
        bool is_root = false;               ///< drawn behind the tree
        std::array<bool, 2> draws_input{};  ///< below this node, at this input
        std::size_t name = 0;               ///< its number; 0: none yet
    };

    bool is_initial(std::uint16_t node) const { return primitive(graph_.nodes[node].op).kind == Kind::initial; }

    /// True for the addition of a negation that only it uses, which is drawn as one subtraction.
    bool subtracts(std::uint16_t node) const {
        const Node& sum = graph_.nodes[node];
        return sum.op == Op::add && graph_.nodes[sum.inputs[1]].op == Op::neg && plan_[sum.inputs[1]].uses == 1;
    }
    std::uint16_t input(std::uint16_t node, std::size_t k) const {
        const std::uint16_t direct = graph_.nodes[node].inputs[k];
        return k == 1 && subtracts(node) ? graph_.nodes[direct].inputs[0] : direct;
    }
    std::size_t arity(std::uint16_t node) const { return inputs_of(graph_.nodes[node]).size(); }

    /// Decides where the inputs of a node are drawn.
    void place(std::uint16_t node, int depth) {
        for (std::size_t k = 0; k < arity(node); ++k) {
            const std::uint16_t below = input(node, k);
            Plan& plan = plan_[below];
            if (is_initial(below) || plan.is_placed) continue;
            plan.is_placed = true;
            if (depth == deepest) {
                plan.is_root = true;
                roots_.push_back(below);
                continue;
            }
            plan_[node].draws_input.at(k) = true;
            place(below, depth + 1);
        }
    }

    bool has_name(std::uint16_t node) const {
        return plan_[node].is_root || (plan_[node].uses > 1 && !is_initial(node));
    }

    std::string name(std::uint16_t node) {
        if (is_initial(node)) return std::string(primitive(graph_.nodes[node].op).name);
        if (plan_[node].name == 0) plan_[node].name = ++names_;
        return "t" + std::to_string(plan_[node].name);
    }

    std::string text(std::uint16_t node) {
        const Node& drawn = graph_.nodes[node];
        const std::string_view pattern = subtracts(node) ? "#1 - #2" : primitive(drawn.op).text.pattern;
        std::string text = has_name(node) ? name(node) + " = " : "";
        for (std::size_t i = 0; i < pattern.size(); ++i) {
            if (pattern[i] != '#') {
                text += pattern[i];
            } else if (const char what = pattern[++i]; what == 'S') {
                text += primitives::name(drawn.over);
            } else {
                const auto k = static_cast<std::size_t>(what - '1');
                text += plan_[node].draws_input.at(k) ? std::string(strokes_.hole) : name(input(node, k));
            }
        }
        return text;
    }

    std::string note(std::uint16_t node) {
        const auto found = parts_.find(node);
        if (found == parts_.end()) return {};
        const std::uint16_t of = found->second.of;
        return found->second.name + (is_initial(of) || has_name(of) ? " of " + name(of) : "");
    }

    /// `first` is what stands before the node's own line, `rest` before those below it.
    void draw(std::uint16_t node, const std::string& first, const std::string& rest) {
        std::string own = first + text(node);
        lines_.push_back({std::move(own), note(node)});
        const auto& draws = plan_[node].draws_input;
        for (std::size_t k = 0; k < arity(node); ++k) {
            if (!draws.at(k)) continue;
            const bool is_last = k + 1 == arity(node) || !draws.at(k + 1);
            draw(input(node, k), rest + std::string(is_last ? strokes_.last_branch : strokes_.branch),
                 rest + std::string(is_last ? strokes_.no_stem : strokes_.stem));
        }
    }

    LayerGraph graph_;
    Strokes strokes_;
    std::vector<Plan> plan_;
    std::map<std::uint16_t, KnownPart> parts_;
    std::vector<std::uint16_t> roots_;
    std::size_t names_ = 0;
    std::vector<Line> lines_;
};

}  // namespace

std::string to_terminal(const LayerGraph& graph, const TerminalStyle& style) {
    validate(graph);
    std::vector<Line> lines = Drawing(graph, style.unicode ? box_drawing : ascii).lines();
    const std::size_t shown = std::min(lines.size(), style.most_lines);
    const std::size_t hidden = lines.size() - shown;
    lines.resize(shown);
    std::size_t notes_begin = 0;
    for (const Line& line : lines)
        if (!line.note.empty()) notes_begin = std::max(notes_begin, columns(line.text) + gap);
    std::string text;
    for (const Line& line : lines) {
        text += line.text;
        const std::size_t room = widest - std::min(widest, columns(line.text) + gap);
        if (!line.note.empty() && line.note.size() <= room)
            text += std::string(std::min(notes_begin, widest - line.note.size()) - columns(line.text), ' ') + line.note;
        text += '\n';
    }
    if (hidden > 0) text += (style.unicode ? "… " : "... ") + std::to_string(hidden) + " more lines\n";
    return text;
}

}  // namespace normact::primitives
