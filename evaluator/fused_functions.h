#pragma once

#include "evaluator/backend.h"
#include "evaluator/layer_function.h"
#include "evaluator/layer_programs.h"

#include <array>
#include <memory>
#include <mutex>
#include <vector>

namespace normact::evaluator {

/// A layer's programs in one mode and for one type of elements, compiled when they are first asked for.
class FusedFunctions : public LayerFunctions {
  public:
    /// `training`: backward will follow, so that it may be prepared while forward is compiled.
    FusedFunctions(std::shared_ptr<const LayerPrograms> programs, const primitives::LayerSettings& settings,
                   std::shared_ptr<const Backend> backend, ElementType type, bool training);

    std::vector<at::Tensor> forward(at::TensorList inputs) const override;
    std::vector<at::Tensor> backward(at::TensorList inputs) const override;
    std::vector<at::Tensor> double_backward(at::TensorList inputs) const override;

    std::size_t inputs() const override { return programs_->forward.inputs.size(); }
    std::size_t differentiable() const override { return programs_->differentiable.size(); }
    std::size_t saved() const override { return programs_->saved.size(); }

  private:
    /// A program and what runs it.
    struct Compiled {
        Compiled(Program program, const Backend& backend, ElementType type)
            : source(std::move(program)), runnable(backend.compile(source, type)) {}
        Program source;
        std::unique_ptr<const RunnableProgram> runnable;
    };
    std::vector<at::Tensor> run(const Compiled& compiled, at::TensorList tensors) const;
    const Compiled& compiled_backward() const;

    primitives::LayerSettings settings_;
    std::shared_ptr<const Backend> backend_;
    ElementType type_;
    std::shared_ptr<const LayerPrograms> programs_;
    Compiled forward_;
    bool prepares_backward_;
    mutable std::once_flag prepared_once_, backward_once_, double_backward_once_;
    mutable std::unique_ptr<const Compiled> backward_, double_backward_;
};

/// The functions of a layer in every mode, each compiled when it is first asked for. Safe from several threads.
class FusedModes {
  public:
    /// `graph` must be well formed.
    FusedModes(primitives::LayerGraph graph, const primitives::LayerSettings& settings,
               std::shared_ptr<const Backend> backend);

    const primitives::LayerGraph& graph() const { return graph_; }

    std::shared_ptr<const LayerPrograms> programs(bool training) const;
    /// For tensors like x. Throws std::invalid_argument if the backend does not take them.
    std::shared_ptr<const FusedFunctions> functions(bool training, const at::Tensor& x) const;

  private:
    static constexpr std::size_t element_types = 3;

    primitives::LayerGraph graph_;
    primitives::LayerSettings settings_;
    std::shared_ptr<const Backend> backend_;
    mutable std::array<std::once_flag, 2> programs_once_;
    mutable std::array<std::shared_ptr<const LayerPrograms>, 2> programs_;
    mutable std::array<std::once_flag, 2 * element_types> once_;
    mutable std::array<std::shared_ptr<const FusedFunctions>, 2 * element_types> functions_;
};

}  // namespace normact::evaluator
