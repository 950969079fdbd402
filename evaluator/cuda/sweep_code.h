#pragma once

#include "evaluator/cuda/small_values.h"
#include "evaluator/cuda/variant.h"
#include "evaluator/lines.h"
#include "evaluator/schedule.h"

#include <set>
#include <string>
#include <vector>

namespace normact::evaluator::cuda {

/// Emits the passes of a sweep. Around them a block of threads has the image `n` and its channels from `first` to
/// `last`, at most `channels_of_block`.
class SweepCode {
  public:
    SweepCode(const Schedule& schedule, const Sweep& sweep, const SmallValues& values, const Variant& variant,
              Lines& lines);

    /// Which threads are where; before the first pass.
    void emit_positions();
    void emit(const Pass& pass);

  private:
    const Instruction& at(ValueId id) const { return schedule_.program().instructions[id]; }
    std::string input_name(ValueId id) const;
    bool has_lanes(ValueId id) const;  ///< whether neighbours in a vector differ in it
    bool has_centres(const Pass& pass) const;
    bool stays(ValueId id) const;  ///< whether an input stays in shared memory

    void open_planes(const Pass& pass);
    void emit_small_values(const Pass& pass);
    void emit_loads(const Pass& pass);
    void emit_load(ValueId id);
    void emit_elements(const Pass& pass);
    void emit_means(const Pass& pass);
    std::string operand(ValueId id) const;

    const Schedule& schedule_;
    const Sweep& sweep_;
    const SmallValues& values_;
    const Variant& variant_;
    Lines& lines_;
    std::vector<ValueId> read_again_;
    std::set<ValueId> loaded_;  ///< inputs that earlier passes loaded
};

}  // namespace normact::evaluator::cuda
