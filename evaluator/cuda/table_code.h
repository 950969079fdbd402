#pragma once

#include "evaluator/cuda/small_values.h"
#include "evaluator/lines.h"
#include "evaluator/schedule.h"

#include <set>
#include <vector>

namespace normact::evaluator::cuda {

/// Along which dimension of the table of planes threads run in loops, while each block of threads has its own part of
/// the other: one image with its channels, or some channels with all images. Means are over what is looped over.
enum class Loop : std::uint8_t { channels, images };

/// Small values that one launch computes. If it is `alone`, they don't differ along the other dimension, and one block
/// computes them.
struct TableStage {
    Loop loop = Loop::channels;
    bool alone = false;
    std::vector<ValueId> instructions;
};

/// The threads of a block that computes tables.
inline constexpr int table_threads = 512;
/// How many channels such a block has if it loops over images: few, so that there are many blocks, and threads for many
/// images at once.
inline constexpr int table_channels = 8;

/// Divides what is computed between two sweeps into launches, in order.
std::vector<TableStage> table_stages(const Program& program, const std::vector<ValueId>& instructions);

/// How often each value is read by instructions between passes and by passes, and written out.
std::vector<int> reads_of_small_values(const Schedule& schedule);

/// Emits the computation of small values. Around it `c` runs from `first` to `last` in the image `n`, or `n` over all
/// images for the channel `c` if that is `active`. Threads must have seen what other threads wrote for it.
class TableCode {
  public:
    TableCode(const Schedule& schedule, const SmallValues& values, const std::vector<int>& reads, Lines& lines);

    void emit(Loop loop, const std::vector<ValueId>& instructions);
    /// What `emit` left in variables: the value in double.
    std::string read(ValueId id) const;

  private:
    /// One loop: values that it computes, and means that it adds up.
    struct Step {
        std::vector<ValueId> values, means;
    };

    const Instruction& at(ValueId id) const { return schedule_.program().instructions[id]; }
    bool is_looped_over(ValueId id) const;
    bool is_mean_of_groups(ValueId id) const;
    bool depends_on(ValueId id, const Step& step) const;

    void flush(Step& step);
    void emit_loop(const Step& step);
    void emit_sums(const Step& step);
    void emit_outer(ValueId id);
    void emit_mean_of_groups(ValueId id);
    void open_loop();
    std::string compute(ValueId id) const;
    bool is_read_elsewhere(ValueId id, const std::vector<ValueId>& by) const;

    const Schedule& schedule_;
    const SmallValues& values_;
    const std::vector<int>& reads_;
    Lines& lines_;
    Loop loop_ = Loop::channels;
    std::set<ValueId> variables_;  ///< values that stand in a variable here
};

}  // namespace normact::evaluator::cuda
