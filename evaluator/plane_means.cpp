#include "evaluator/plane_means.h"

#include "evaluator/program_builder.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;

class Factoring {
  public:
    FactoredProgram run(const Program& from) && {
        const std::vector<ValueId> inputs = copy_inputs(from, to_);
        copy_instructions(from, live_instructions(from), inputs, to_,
                          [&](ValueId id, const auto& operands) -> std::optional<ValueId> {
                              const Instruction& instruction = from.instructions[id];
                              if (instruction.operation != Operation::mean) return std::nullopt;
                              return mean(instruction.over, operands[0]);
                          });
        const ValueId last = static_cast<ValueId>(to_.program().instructions.size()) - 1;
        time(last);
        return {to_.take(), std::move(plane_means_), std::move(times_)};
    }

  private:
    ValueId mean(IndexSet set, ValueId a) {
        if (is_small(a)) return to_.mean(set, a);
        if (const auto centred = centred_square(set, a)) {
            const ValueId between = subtract(plane_mean(*centred), mean(set, *centred));
            return to_.mean(set, add(plane_variance(*centred), multiply(between, between)));
        }
        return to_.mean(set, plane_mean(a));
    }

    /// y, if the value is (y − mean of y over the set)².
    std::optional<ValueId> centred_square(IndexSet set, ValueId a) {
        if (!is(a, Operation::multiply) || operand(a, 0) != operand(a, 1)) return std::nullopt;
        const ValueId difference = operand(a, 0);
        if (!is(difference, Operation::subtract)) return std::nullopt;
        const ValueId y = operand(difference, 0);
        if (is_small(y) || mean(set, y) != operand(difference, 1)) return std::nullopt;
        return y;
    }

    ValueId plane_mean(ValueId a) {
        if (const auto known = plane_mean_of_.find(a); known != plane_mean_of_.end()) return known->second;
        return plane_mean_of_[a] = find_plane_mean(a);
    }

    ValueId find_plane_mean(ValueId a) {
        if (is_small(a)) return a;
        if (is(a, Operation::negate)) return to_.apply(Operation::negate, plane_mean(operand(a, 0)));
        if (has_small_operand(a))
            return to_.apply(to_[a].operation, plane_mean(operand(a, 0)), plane_mean(operand(a, 1)));
        const std::vector<Term>& terms = multiplied_out(a, time(a));
        Time known;
        for (const Term& term : terms) known = std::max(known, time(term.value));
        if (known >= time(a)) return input_for(a);
        ValueId sum = to_.constant(0);
        for (const Term& term : terms) sum = add(sum, multiply(plane_mean(term.value), term.factor));
        return sum;
    }

    /// The mean of (y − its plane's mean)² over each plane.
    ValueId plane_variance(ValueId y) {
        if (is(y, Operation::negate)) return plane_variance(operand(y, 0));
        if (is(y, Operation::multiply) && is_small(operand(y, 1)))
            return multiply(plane_variance(operand(y, 0)), multiply(operand(y, 1), operand(y, 1)));
        if (has_small_operand(y)) return plane_variance(is_small(operand(y, 1)) ? operand(y, 0) : operand(y, 1));
        const ValueId difference = subtract(y, plane_mean(y));
        for (const Term& term : multiplied_out(y, time(y)))
            for (PlaneMean& mean : plane_means_)
                mean.is_centre = mean.is_centre || mean.of == term.value || mean.of == y;
        return input_for(multiply(difference, difference));
    }

    ValueId input_for(ValueId of) {
        const auto [position, is_new] = input_of_.emplace(of, 0);
        if (is_new) {
            const Time when = time(of);
            position->second =
                to_.input({.name = "plane mean " + std::to_string(plane_means_.size()), .extent = Extent::planes()});
            plane_means_.push_back({position->second, of});
            time(position->second - 1);
            times_.push_back({when.sweep, when.pass + 1});
        }
        return position->second;
    }

    /// A summand: a factor without pixels times a value; the value may be the constant 1.
    struct Term {
        ValueId factor, value;
    };

    /// Products of sums as sums of products, where that may take a factor out: not where both factors of a product have
    /// a summand without pixels, as (y − m)² does: it would cancel. One term if there are too many.
    const std::vector<Term>& multiplied_out(ValueId a, Time late) {
        const std::pair key(a, late);
        if (const auto known = multiplied_out_.find(key); known != multiplied_out_.end()) return known->second;
        return multiplied_out_[key] = multiply_out(a, late);
    }

    std::vector<Term> multiply_out(ValueId a, Time late) {
        std::vector<Term> whole{{to_.constant(1), a}};
        std::vector<Term> terms;
        if (is_small(a)) return {{a, to_.constant(1)}};
        if (time(a) < late) return whole;  // nothing in it is known late
        const ValueId first = operand(a, 0), second = operand(a, 1);
        if (is(a, Operation::negate)) {
            terms = multiplied_out(first, late);
            for (Term& term : terms) term.factor = to_.apply(Operation::negate, term.factor);
        } else if (is(a, Operation::add) || is(a, Operation::subtract)) {
            terms = multiplied_out(first, late);
            for (Term term : multiplied_out(second, late)) {
                if (is(a, Operation::subtract)) term.factor = to_.apply(Operation::negate, term.factor);
                terms.push_back(term);
            }
        } else if (is(a, Operation::multiply)) {
            const std::vector<Term>&left = multiplied_out(first, late), &right = multiplied_out(second, late);
            if (has_constant_term(left) && has_constant_term(right) && !is_small(first) && !is_small(second))
                return whole;
            for (const Term& l : left)
                for (const Term& r : right) terms.push_back({multiply(l.factor, r.factor), multiply(l.value, r.value)});
        } else {
            return whole;
        }
        return terms.size() <= most_terms ? terms : whole;
    }

    bool has_constant_term(const std::vector<Term>& terms) const {
        return std::ranges::any_of(terms, [&](const Term& term) { return is_small(term.value); });
    }

    /// When the value is known, and, as a by-product, when those before it are.
    Time time(ValueId id) {
        while (times_.size() <= id) {
            const Instruction& instruction = to_[static_cast<ValueId>(times_.size())];
            Time when;
            for (const ValueId operand : operands_of(instruction)) when = std::max(when, times_[operand]);
            if (instruction.operation == Operation::mean && instruction.over == IndexSet::batch)
                when = {when.sweep + (when.pass == 0 ? 0 : 1), 0};
            times_.push_back(when);
        }
        return times_[id];
    }

    bool is_small(ValueId id) const { return !to_.extent(id).has_pixels(); }
    bool is(ValueId id, Operation operation) const { return to_[id].operation == operation; }
    ValueId operand(ValueId id, std::size_t which) const { return to_[id].operands[which]; }
    /// A sum or product with one operand without pixels.
    bool has_small_operand(ValueId id) const {
        return (is(id, Operation::add) || is(id, Operation::subtract) || is(id, Operation::multiply)) &&
               is_small(operand(id, 0)) != is_small(operand(id, 1));
    }
    ValueId add(ValueId a, ValueId b) { return to_.apply(Operation::add, a, b); }
    ValueId subtract(ValueId a, ValueId b) { return to_.apply(Operation::subtract, a, b); }
    ValueId multiply(ValueId a, ValueId b) { return to_.apply(Operation::multiply, a, b); }

    static constexpr std::size_t most_terms = 8;

    ProgramBuilder to_;
    std::vector<PlaneMean> plane_means_;
    std::map<ValueId, ValueId> input_of_;
    // What a value comes to is kept: a graph may use it on more ways than there are nodes by far.
    std::map<ValueId, ValueId> plane_mean_of_;
    std::map<std::pair<ValueId, Time>, std::vector<Term>> multiplied_out_;
    std::vector<Time> times_;
};

}  // namespace

FactoredProgram factor_means(const Program& program) { return Factoring().run(program); }

}  // namespace normact::evaluator
