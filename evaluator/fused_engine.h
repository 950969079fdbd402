#pragma once

#include "evaluator/backend.h"
#include "evaluator/engine.h"

#include <memory>

namespace normact::evaluator {

/// A fused engine: a layer and its first and second derivative as programs, each a few sweeps over memory, which a
/// backend runs. Contiguous and channels_last as they lie; any N, C, H, W of at least 1; elements of the types that the
/// backend takes, with float32 inside. Keeps x, the parameters and moments for the backward pass. The same result to
/// the last bit each time, on any number of threads.
class FusedEngine : public Engine {
  public:
    FusedEngine(std::string_view name, std::shared_ptr<const Backend> backend)
        : name_(name), backend_(std::move(backend)) {}

    std::string_view name() const override { return name_; }
    c10::DeviceType device() const override { return backend_->device(); }
    std::unique_ptr<const CompiledLayer> compile(const primitives::LayerGraph& graph,
                                                 const primitives::LayerSettings& settings) const override;

  private:
    std::string_view name_;
    std::shared_ptr<const Backend> backend_;
};

}  // namespace normact::evaluator
