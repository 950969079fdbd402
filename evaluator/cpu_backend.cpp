#include "evaluator/cpu_backend.h"

#include "evaluator/cpu/compiled_program.h"
#include "evaluator/cpu/tables.h"
#include "evaluator/layer_arguments.h"
#include "evaluator/parallel.h"
#include "evaluator/tensor_pool.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

namespace normact::evaluator {
namespace {

class CpuProgram : public RunnableProgram {
  public:
    CpuProgram(const Program& program, const cpu::KernelMaker& maker, ElementType type)
        : compiled_(program, maker, type) {}

    std::int64_t tables_size(const TensorShape& shape) const override {
        return cpu::tables_size(compiled_.schedule_for(shape).schedule().program(), shape);
    }

    void run(const TensorShape& shape, const ProgramData& data, at::Device /*device*/) const override {
        cpu::run(compiled_.schedule_for(shape), shape, data,
                 [](std::int64_t count, std::int64_t elements_of_each, const auto& body) {
                     parallel_for(count, std::max<std::int64_t>(at::internal::GRAIN_SIZE / elements_of_each, 1), body);
                 });
    }

  private:
    cpu::CompiledProgram compiled_;
};

class CpuBackend : public Backend {
  public:
    explicit CpuBackend(const cpu::KernelMaker& maker) : maker_(maker) {}

    c10::DeviceType device() const override { return c10::DeviceType::CPU; }
    void check(const at::Tensor& x) const override {
        require_of_layer(x.device().is_cpu(), "the engine cpu needs x in the memory of the CPU");
        require_of_layer(x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16,
                         "the engine cpu takes float32 and bfloat16; for float64 use the engine aten");
    }
    std::unique_ptr<const RunnableProgram> compile(const Program& program, ElementType type) const override {
        return std::make_unique<const CpuProgram>(program, maker_, type);
    }
    at::Tensor empty_like(const at::Tensor& like) const override { return pool_->empty_like(like); }
    at::Tensor empty_doubles(std::int64_t count, at::Device /*device*/) const override {
        return pool_->empty_doubles(count);
    }

  private:
    const cpu::KernelMaker& maker_;
    std::shared_ptr<TensorPool> pool_ = TensorPool::make();
};

}  // namespace

std::shared_ptr<const Backend> cpu_backend(const cpu::KernelMaker& maker) {
    return std::make_shared<const CpuBackend>(maker);
}

}  // namespace normact::evaluator
