#pragma once

#include "evaluator/engine.h"

namespace normact::evaluator {

/// How the engine runs a batch normalization that it finds in a graph.
enum class Normalizations {
    composed,  ///< node by node, as everything else: the reference
    fused,     ///< as one operation, see batch_normalization.h: the same function, faster
};

/// The composed reference `aten`: built straight from the layer graph with ATen's operations and autograd. float32 and
/// float64, contiguous and channels_last, any N, C, H, W of at least 1.
class AtenEngine : public Engine {
  public:
    explicit AtenEngine(Normalizations normalizations) : normalizations_(normalizations) {}

    std::string_view name() const override { return "aten"; }
    std::unique_ptr<const CompiledLayer> compile(const primitives::LayerGraph& graph,
                                                 const primitives::LayerSettings& settings) const override;

  private:
    Normalizations normalizations_;
};

}  // namespace normact::evaluator
