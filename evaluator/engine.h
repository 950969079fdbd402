#pragma once

#include "primitives/graph.h"

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceType.h>

#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace normact::evaluator {

/// The trainable inputs of a layer, one value a channel, shape [C]. v0 and v1 may be undefined where the graph's output
/// does not depend on them.
struct Parameters {
    at::Tensor v0, v1, gamma, beta;
};

/// A layer graph made ready to run by an engine. Immutable: may run on several threads at once.
class CompiledLayer {
  public:
    virtual ~CompiledLayer() = default;

    /// The graph that this was compiled of.
    virtual const primitives::LayerGraph& graph() const = 0;

    /// The layer's output, graph(x, v0, v1)·gamma + beta, in the shape, type and memory format of x [N,C,H,W].
    /// Differentiable (twice) in x and the parameters.
    /// `averages` has one tensor [C] for each batch moment, in the order of the graph's nodes: the average of what is
    /// inside the moment's root (mean square for rms, variance for std), or of the mean itself. While training, moments
    /// are taken from x and the averages move: average ← decay·average + (1 − decay)·new. Else the averages stand in.
    virtual at::Tensor forward(const at::Tensor& x, const Parameters& parameters, std::span<at::Tensor> averages,
                               bool training) const = 0;
};

/// A way to run layer graphs.
class Engine {
  public:
    virtual ~Engine() = default;

    /// The engine's name, recorded with every score.
    virtual std::string_view name() const = 0;

    /// The kind of device that its tensors are on.
    virtual c10::DeviceType device() const { return c10::DeviceType::CPU; }

    /// Makes the graph ready to run. Throws primitives::InvalidGraph if it is not well formed.
    virtual std::unique_ptr<const CompiledLayer> compile(const primitives::LayerGraph& graph,
                                                         const primitives::LayerSettings& settings) const = 0;
};

/// How far a moving average keeps its old value at each training step (arXiv 2004.02967).
inline constexpr double moving_average_decay = 0.9;

/// All engines of this build, the preferred one first.
std::span<const Engine* const> engines();
/// The engine with this name. Throws std::invalid_argument that lists the names there are.
const Engine& find_engine(std::string_view name);

/// The nodes that keep a moving average: the batch moments, by position.
std::vector<std::size_t> averaged_nodes(const primitives::LayerGraph& graph);
/// Where the moving average of each of them starts.
std::vector<double> initial_averages(const primitives::LayerGraph& graph);

}  // namespace normact::evaluator
