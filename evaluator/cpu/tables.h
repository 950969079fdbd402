#pragma once

#include "evaluator/cpu/blocks.h"

#include <cstdint>
#include <vector>

namespace normact::evaluator::cpu {

/// How many numbers the tables of a program have.
std::int64_t tables_size(const Program& program, const TensorShape& shape);

/// The small values of a program while it runs, in double: each a table over images and channels, with strides of 0
/// where its extent says that it does not differ.
class Tables {
  public:
    /// `inputs`: those of the program; plane means and tensors stand as null. `memory`: for so many numbers.
    Tables(const Program& program, const TensorShape& shape, const std::vector<const void*>& inputs, double* memory);

    double& at(ValueId id, std::int64_t image, std::int64_t channel) {
        const Table& table = tables_[id];
        return values_[table.start + image * table.image_stride + channel * table.channel_stride];
    }
    double at(ValueId id, std::int64_t image, std::int64_t channel) const {
        return const_cast<Tables*>(this)->at(id, image, channel);
    }
    /// 1 where the value differs along channels, else 0.
    std::int64_t channel_stride(ValueId id) const { return tables_[id].channel_stride; }

    /// Computes an instruction for these planes. A mean over batch needs all of them; one over layer or group, whole
    /// images or groups.
    void compute(ValueId id, const Planes& planes);

    /// The value, as large as its extent.
    void copy_to(ValueId id, double* to) const;

  private:
    struct Table {
        std::int64_t start = 0, image_stride = 0, channel_stride = 0;
    };

    void fill(ValueId id, bool in_double, const void* from);
    void compute_mean(const Instruction& instruction, ValueId id, const Planes& planes);
    template <typename Function>
    void for_each_row(ValueId id, const Instruction& instruction, const Planes& planes, Function function);

    const Program& program_;
    TensorShape shape_;
    std::vector<Table> tables_;
    double* values_;
};

}  // namespace normact::evaluator::cpu
