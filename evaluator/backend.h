#pragma once

#include "evaluator/program.h"
#include "evaluator/program_data.h"
#include "evaluator/tensor_shape.h"

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceType.h>

#include <cstdint>
#include <memory>

namespace normact::evaluator {

/// A program made ready to run on tensors of any shape. Safe from several threads.
class RunnableProgram {
  public:
    virtual ~RunnableProgram() = default;
    /// How many numbers the tables of ProgramData need.
    virtual std::int64_t tables_size(const TensorShape& shape) const = 0;
    /// On a GPU it returns when the work is in the device's current stream.
    virtual void run(const TensorShape& shape, const ProgramData& data, at::Device device) const = 0;
    /// Begins what the first run on such tensors would wait for, and does not wait itself.
    virtual void prepare(const TensorShape& /*shape*/, at::Device /*device*/) const {}
};

/// What runs programs on a kind of device, and where memory for them comes from. Safe from several threads.
class Backend {
  public:
    virtual ~Backend() = default;

    /// Where its tensors are.
    virtual c10::DeviceType device() const = 0;
    /// Throws std::invalid_argument, which says what it takes, unless it takes tensors like x.
    virtual void check(const at::Tensor& x) const = 0;
    virtual std::unique_ptr<const RunnableProgram> compile(const Program& program, ElementType type) const = 0;
    /// Whether the first run of a program takes so long that it should be prepared for ahead.
    virtual bool is_slow_to_compile() const { return false; }

    /// A tensor of the shape, type and memory format of `like`, its elements undefined.
    virtual at::Tensor empty_like(const at::Tensor& like) const = 0;
    /// So many numbers in double, undefined.
    virtual at::Tensor empty_doubles(std::int64_t count, at::Device device) const = 0;
};

}  // namespace normact::evaluator
