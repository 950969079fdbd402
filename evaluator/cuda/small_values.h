#pragma once

#include "evaluator/schedule.h"
#include "evaluator/tensor_shape.h"

#include <functional>
#include <string>
#include <vector>

namespace normact::evaluator::cuda {

/// Where the small values of a program are, as CUDA C++ names them: parameters and moments come from outside, moments
/// that are asked for go there, the others stand in tables of double.
class SmallValues {
  public:
    explicit SmallValues(const Schedule& schedule);

    /// The value in double for image `n` and channel `c`, of which it uses what its extent has.
    std::string read(ValueId id) const;
    /// The statements that write `value`, which is in double, to all places of it; not for inputs and constants.
    std::string write(ValueId id, const std::string& value) const;
    /// Whether these write the output, which is no tensor, too: not where it is a constant or an input, or the sum of a
    /// value that channels share.
    bool is_written_with_value(const ProgramOutput& output) const;

    /// How many numbers all tables have: for the whole program, images, channels, and planes.
    struct Sizes {
        int of_program = 0, of_images = 0, of_channels = 0, of_planes = 0;

        std::int64_t at(const TensorShape& shape) const {
            return of_program + of_images * shape.images + of_channels * shape.channels +
                   of_planes * shape.images * shape.channels;
        }
    };
    const Sizes& sizes() const { return sizes_; }

  private:
    const Program& program_;
    std::vector<std::vector<std::string>> tables_;  ///< of each value, for each place: what stands before its index
    std::vector<bool> is_computed_;                 ///< neither an input nor a constant
    Sizes sizes_;
};

/// The index into a table of this extent.
const char* table_index(Extent extent);

/// The name that an input or output has among the parameters of kernels.
std::string parameter_name(const std::string& name);

/// A number as CUDA C++ reads it, to the last bit.
std::string literal(double number);
std::string literal(float number);

/// An elementwise instruction, of operands as `name` gives them and in their type.
std::string expression(const Instruction& instruction, const std::function<std::string(ValueId operand)>& name);

}  // namespace normact::evaluator::cuda
