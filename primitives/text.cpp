#include "primitives/text.h"

#include "primitives/expression.h"

#include <algorithm>
#include <vector>

namespace normact::primitives {
namespace {

constexpr Style text_style{.notation = &Primitive::text,
                           .set = &IndexSetRow::name,
                           .subtraction = {"#1 - #2", Binding::sum, {Binding::sum, Binding::product}},
                           .open = "(",
                           .close = ")",
                           .name = "t#1"};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::size_t max_identifier = 64;

/// A function of the text form: an operation, and for a moment its index set.
struct Function {
    Op op;
    IndexSet over = IndexSet::none;
};

class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {
        for (const Op op : {Op::x, Op::zero, Op::v0, Op::v1}) graph_.nodes.push_back({.op = op});
    }

    LayerGraph parse() {
        while (const auto name = start_of_definition()) define(*name);
        const std::uint16_t output = sum();
        peek();
        if (at_ < text_.size()) fail("expected an operator or the end");
        for (const Named& named : names_)
            if (!named.is_used) fail_at(named.where, "'" + std::string(named.name) + "' is never used");
        // Everything named is used, so the output is the last node, or an initial one.
        if (output + 1U != graph_.nodes.size()) return {{graph_.nodes[output]}};
        return std::move(graph_);
    }

  private:
    struct Named {
        std::string_view name;
        std::uint16_t node;
        std::size_t where;
        bool is_used = false;
    };

    [[noreturn]] static void fail_at(std::size_t where, const std::string& what) {
        throw InvalidGraph("column " + std::to_string(where + 1) + ": " + what);
    }

    /// Fails at the next character, and says what is there.
    [[noreturn]] void fail(const std::string& what) {
        const char next = peek();
        if (at_ == text_.size()) fail_at(at_, what + ", but the text ends");
        if (next > ' ' && next < '\x7f') fail_at(at_, what + ", not '" + next + "'");
        constexpr std::string_view digits = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(text_[at_]);
        fail_at(at_, what + ", not the byte 0x" + digits[byte >> 4] + digits[byte & 15]);
    }

    /// The next character that is not a space; 0 at the end. (No caller wants a 0.)
    char peek() {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    bool accept(char wanted) {
        if (peek() != wanted) return false;
        ++at_;
        return true;
    }

    void expect(char wanted) {
        if (!accept(wanted)) fail(std::string("expected '") + wanted + "'");
    }

    std::string_view identifier() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
        if (at_ - begin > max_identifier)
            fail_at(begin, "a name may have at most " + std::to_string(max_identifier) + " letters");
        return text_.substr(begin, at_ - begin);
    }

    /// The name in `name = …`, if that is what comes next.
    std::optional<Named> start_of_definition() {
        if (!is_letter(peek())) return std::nullopt;
        const std::size_t begin = at_;
        const std::string_view name = identifier();
        if (accept('=')) return Named{name, 0, begin};
        at_ = begin;
        return std::nullopt;
    }

    void define(Named named) {
        if (find_op(named.name) || find_function(named.name))
            fail_at(named.where, "'" + std::string(named.name) + "' has a meaning already");
        if (std::ranges::find(names_, named.name, &Named::name) != names_.end())
            fail_at(named.where, "'" + std::string(named.name) + "' is defined twice");
        named.node = sum();
        names_.push_back(named);
        expect(';');
    }

    std::uint16_t sum() {
        std::uint16_t left = product();
        for (;;) {
            if (accept('+')) {
                left = node({Op::add, IndexSet::none, {left, product()}});
            } else if (accept('-')) {
                const std::uint16_t subtracted = node({Op::neg, IndexSet::none, {product(), 0}});
                left = node({Op::add, IndexSet::none, {left, subtracted}});
            } else {
                return left;
            }
        }
    }

    std::uint16_t product() {
        std::uint16_t left = factor();
        for (;;) {
            if (accept('*')) {
                left = node({Op::mul, IndexSet::none, {left, factor()}});
            } else if (accept('/')) {
                left = node({Op::div, IndexSet::none, {left, factor()}});
            } else {
                return left;
            }
        }
    }

    std::uint16_t factor() {
        if (depth_ == max_text_depth) fail_at(at_, "nested more than " + std::to_string(max_text_depth) + " deep");
        ++depth_;
        const std::uint16_t result = nested_factor();
        --depth_;
        return result;
    }

    std::uint16_t nested_factor() {
        if (accept('-')) return node({Op::neg, IndexSet::none, {factor(), 0}});
        if (accept('(')) {
            const std::uint16_t inside = sum();
            expect(')');
            return inside;
        }
        const char next = peek();
        if (is_letter(next)) return named_factor();
        if (is_digit(next)) return number();
        fail("expected x, a name, a function or '('");
    }

    std::uint16_t number() {
        const std::size_t begin = at_;
        if (identifier() != "0" || (at_ < text_.size() && text_[at_] == '.'))
            fail_at(begin, "the only number there is is 0; use v0 or v1 for trainable constants");
        return node({.op = Op::zero});
    }

    std::uint16_t named_factor() {
        const std::size_t begin = at_;
        const std::string_view name = identifier();
        const auto named = std::ranges::find(names_, name, &Named::name);
        if (named != names_.end()) {
            named->is_used = true;
            return named->node;
        }
        if (const auto op = find_op(name); op && primitive(*op).kind == Kind::initial) return node({.op = *op});
        const auto function = find_function(name);
        if (!function) fail_at(begin, what_is_wrong_with(name));
        return call(*function);
    }

    static std::string what_is_wrong_with(std::string_view name) {
        const auto op = find_op(name);
        if (op && primitive(*op).kind == Kind::moment) {
            std::string message = "'" + std::string(name) + "' needs an index set:";
            for (const IndexSet set : index_sets)
                message += " " + std::string(name) + "_" + std::string(primitives::name(set));
            return message;
        }
        return "nothing is called '" + std::string(name) + "'";
    }

    static std::optional<Function> find_function(std::string_view name) {
        if (const auto op = find_op(name); op && primitive(*op).kind == Kind::elementwise) return Function{*op};
        const std::size_t underscore = name.rfind('_');
        if (underscore == std::string_view::npos) return std::nullopt;
        const auto op = find_op(name.substr(0, underscore));
        const auto set = find_index_set(name.substr(underscore + 1));
        if (!op || !set || primitive(*op).kind != Kind::moment) return std::nullopt;
        return Function{*op, *set};
    }

    std::uint16_t call(const Function& function) {
        Node result{.op = function.op, .over = function.over};
        expect('(');
        for (std::size_t i = 0; i < inputs_of(result).size(); ++i) {
            if (i > 0) expect(',');
            result.inputs[i] = sum();
        }
        expect(')');
        return node(result);
    }

    std::uint16_t node(const Node& wanted) {
        const std::uint16_t position = share(graph_, wanted);
        if (graph_.nodes.size() > max_nodes)
            fail_at(at_, "more than " + std::to_string(max_nodes) + " nodes up to here");
        return position;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int depth_ = 0;
    LayerGraph graph_;
    std::vector<Named> names_;
};

}  // namespace

std::string to_text(const LayerGraph& graph) {
    validate(graph);
    const Expression expression = write(graph, text_style);
    std::string text;
    for (const auto& [name, body] : expression.definitions) text += name + " = " + body + "; ";
    return text + expression.body;
}

LayerGraph reread(const LayerGraph& graph) {
    std::size_t others = 0;
    for (const Node& node : graph.nodes) others += primitive(node.op).kind == Kind::initial ? 0 : 1;
    constexpr std::size_t most = max_nodes - 4;
    if (others > most)
        throw InvalidGraph("the layer has " + std::to_string(others) +
                           " nodes beside x, zero, v0 and v1; in a formula " + std::to_string(most) + " are allowed");
    return parse_text(to_text(graph));
}

LayerGraph parse_text(std::string_view text) {
    if (text.size() > max_text_bytes)
        throw InvalidGraph("the text has " + std::to_string(text.size()) + " bytes; at most " +
                           std::to_string(max_text_bytes) + " are read");
    return Parser(text).parse();
}

}  // namespace normact::primitives
