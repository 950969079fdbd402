#pragma once

#include "primitives/graph.h"
#include "proxy_tasks/outcome.h"
#include "proxy_tasks/settings.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>

namespace normact::proxy_tasks {

/// Thrown where a stop was requested before the score was there. Nothing is wrong with the layer.
class Stopped : public std::runtime_error {
  public:
    Stopped() : std::runtime_error("stopped before the score was there") {}
};

/// Thrown where this process can't use its device any more, after an illegal access for example. The evaluations in
/// flight are lost, and which of them is to blame is not known.
class DeviceLost : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Whether an evaluation shares its device with those of other threads.
enum class Company { welcome, none };

/// The images that a training is judged by. The test images are for re-evaluation alone: whoever chooses layers by them
/// learns nothing from them any more.
enum class HeldOut { validation, test };

/// Trains a layer inside the anchors of the settings and scores it. Holds the data set, loaded once.
/// Each evaluation uses one thread; several may run at once. Call prepare_thread() on each of them first.
class Scorer {
  public:
    /// Loads the data set. Throws std::invalid_argument for settings that make no sense and DatasetError (dataset.h)
    /// for missing or damaged files. With the test images all of them count, whatever training.validation_images says;
    /// trainings are the same, on the training images alone.
    explicit Scorer(const ScoringSettings& settings, HeldOut held_out = HeldOut::validation);
    ~Scorer();
    Scorer(Scorer&&) noexcept;

    /// The filters, cheapest first, the first failure ending it, then the full score on every anchor. A share of the
    /// rejected layers is fully scored too (audit.h) and stays rejected.
    /// Every random number comes from (seed, the graph's hash, task, replicate): the same call on the same machine
    /// gives the same accuracies to the last bit. `progress` is called between training steps, from this thread.
    /// Throws Stopped soon after a stop is requested, DeviceLost; std::logic_error with the test images, which no
    /// filter may see.
    Outcome evaluate(const primitives::LayerGraph& graph, std::uint64_t seed, int replicate = 0,
                     std::stop_token stop = {}, const std::function<void(const Progress&)>& progress = {},
                     Company company = Company::welcome) const;

    /// The full score alone, without the filters, and with the layer's own groups and epsilon: what `compare` trains.
    Outcome score(const primitives::LayerGraph& graph, const primitives::LayerSettings& layer, std::uint64_t seed,
                  int replicate = 0, std::stop_token stop = {},
                  const std::function<void(const Progress&)>& progress = {}) const;

    /// The same, with random numbers that do not depend on the layer: layers with the same seed and replicate begin
    /// with the same weights and see the same crops of the same images in the same order, so that their scores are
    /// pairs.
    Outcome score_paired(const primitives::LayerGraph& graph, const primitives::LayerSettings& layer,
                         std::uint64_t seed, int replicate, std::stop_token stop = {},
                         const std::function<void(const Progress&)>& progress = {}) const;

    const ScoringSettings& settings() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Sets LibTorch to one thread an operation and flushes denormals off the calling thread's way: what an evaluation
/// expects of every thread it runs on. Call once on each evaluating thread.
void prepare_thread();

}  // namespace normact::proxy_tasks
