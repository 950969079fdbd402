#include "evaluator/differentiate.h"

#include "evaluator/symbol.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace normact::evaluator {
namespace {

class Differentiation {
  public:
    explicit Differentiation(Program program)
        : length_(program.instructions.size()),
          outputs_(std::exchange(program.outputs, {})),
          builder_(std::move(program)),
          adjoints_(length_) {}

    void seed(const std::string& output) {
        const auto found = std::ranges::find(outputs_, output, &ProgramOutput::name);
        if (found == outputs_.end()) throw std::logic_error("differentiate: the program has no output " + output);
        // For a sum over batch, too: Σ_c G_c·Σ_nhw f = Σ_nchw G·f.
        const Extent extent = found->form == ProgramOutput::Form::batch_sum ? Extent::channels() : Extent::full();
        add_to(found->value, {&builder_, builder_.input({.name = "gradient of " + output, .extent = extent})});
    }

    void run() {
        for (auto id = static_cast<ValueId>(length_); id-- > 0;)
            if (adjoints_[id]) pass_on(id, *adjoints_[id]);
    }

    void output_gradient(const std::string& input) {
        const std::vector<ProgramInput>& inputs = builder_.program().inputs;
        const auto found = std::ranges::find(inputs, input, &ProgramInput::name);
        if (found == inputs.end()) throw std::logic_error("differentiate: the program has no input " + input);
        const bool small = !found->extent.has_pixels();
        const Symbol adjoint = adjoint_of_input(static_cast<ValueId>(found - inputs.begin()));
        builder_.output({.name = "gradient of " + input,
                         .value = small ? mean(primitives::IndexSet::batch, adjoint).id : adjoint.id,
                         .form = small ? ProgramOutput::Form::batch_sum : ProgramOutput::Form::tensor});
    }

    Program take() { return builder_.take(); }

  private:
    void add_to(ValueId id, Symbol term) {
        std::optional<Symbol>& adjoint = adjoints_[id];
        adjoint = adjoint ? *adjoint + term : term;
    }

    Symbol adjoint_of_input(ValueId number) {
        for (ValueId id = 0; id < length_; ++id)
            if (builder_[id].operation == Operation::input && builder_[id].operands[0] == number && adjoints_[id])
                return *adjoints_[id];
        return {&builder_, builder_.constant(0)};
    }

    /// Adds the instruction's share g·∂y/∂a to the adjoint of each of its operands.
    void pass_on(ValueId id, Symbol g) {
        const Instruction instruction = builder_[id];
        const auto [first, second, third] = instruction.operands;
        const Symbol a{&builder_, first}, b{&builder_, second}, y{&builder_, id};
        switch (instruction.operation) {
            case Operation::input:
            case Operation::constant:
            case Operation::sign:
                return;
            case Operation::mean:  // P_S is its own adjoint
                return add_to(first, mean(instruction.over, g));
            case Operation::add:
                add_to(first, g);
                return add_to(second, g);
            case Operation::subtract:
                add_to(first, g);
                return add_to(second, -g);
            case Operation::multiply:
                if (first == second) return add_to(first, 2.0 * (g * a));
                add_to(first, g * b);
                return add_to(second, g * a);
            case Operation::divide:
                add_to(first, g / b);
                return add_to(second, -(g / b) * y);
            case Operation::maximum: {  // a tie gives each half
                const Symbol half = g * 0.5, larger = half * sign(a - b);
                add_to(first, half + larger);
                return add_to(second, half - larger);
            }
            case Operation::negate:
                return add_to(first, -g);
            case Operation::abs:
                return add_to(first, g * sign(a));
            case Operation::sqrt:
                return add_to(first, g * 0.5 / y);
            case Operation::log:
                return add_to(first, g / a);
            case Operation::exp:
                return add_to(first, g * y);
            case Operation::sigmoid:
                return add_to(first, g * (y * (1.0 - y)));
            case Operation::tanh:
                return add_to(first, g * (1.0 - y * y));
            case Operation::where_zero: {
                const Symbol nothing = number(g, 0);
                add_to(second, where(IsZero{a}, g, nothing));
                return add_to(third, where(IsZero{a}, nothing, g));
            }
        }
    }

    std::size_t length_;
    std::vector<ProgramOutput> outputs_;
    ProgramBuilder builder_;
    std::vector<std::optional<Symbol>> adjoints_;
};

}  // namespace

Program differentiate(const Program& program, const std::vector<std::string>& outputs,
                      const std::vector<std::string>& inputs) {
    Differentiation differentiation(program);
    for (const std::string& output : outputs) differentiation.seed(output);
    differentiation.run();
    for (const std::string& input : inputs) differentiation.output_gradient(input);
    return differentiation.take();
}

}  // namespace normact::evaluator
