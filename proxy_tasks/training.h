#pragma once

#include "proxy_tasks/adamw.h"
#include "proxy_tasks/batches.h"
#include "proxy_tasks/network.h"
#include "proxy_tasks/seeds.h"
#include "proxy_tasks/sgd.h"

#include <cstdint>
#include <functional>
#include <variant>

namespace normact::proxy_tasks {

/// Called between training steps and between validation batches; whatever it throws ends the work there.
using Checkpoint = std::function<void()>;

/// One layer in one anchor, trained from scratch: goes on where it stopped, so that an early look costs nothing. One
/// thread at a time.
class Training {
  public:
    virtual ~Training() = default;

    /// Trains on until `steps` steps are done in all, or until the loss is not finite: then training is over. A batch
    /// whose masks have no pixel that counts is a step that changes nothing.
    virtual void advance_to(int steps, const Checkpoint& checkpoint) = 0;

    /// The share of the first `images` validation images, whole, that the network gets right, in [0,1]. An image is
    /// right if the logit of its class is larger than every other one, so NaN and ties are wrong; a training that
    /// diverged has accuracy 0. Of images with masks: the mean over the classes of intersection over union of the
    /// pixels that count, in [0,1]; a pixel whose logits are not finite is of no class.
    virtual double validate(std::int64_t images, const Checkpoint& checkpoint) = 0;

    int steps_done() const { return steps_done_; }
    /// True once a loss was not finite. No step was taken with it.
    bool diverged() const { return diverged_; }
    /// The loss of the last step; 0 of a batch in which nothing counts.
    double loss() const { return loss_; }

  protected:
    int steps_done_ = 0;
    bool diverged_ = false;
    double loss_ = 0;
};

/// On the CPU. Follows prepare_thread (scorer.h).
class CpuTraining final : public Training {
  public:
    /// `dataset` must outlive the training. All random numbers come from `trial`.
    CpuTraining(const Anchor& anchor, const Dataset& dataset, const TrainingSettings& settings, const MakeLayer& layer,
                const Trial& trial);

    void advance_to(int steps, const Checkpoint& checkpoint) override;
    double validate(std::int64_t images, const Checkpoint& checkpoint) override;

    Network& network() { return network_; }

  private:
    void step();

    const Dataset& dataset_;
    TrainingSettings settings_;
    Network network_;
    TrainingBatches batches_;
    std::variant<NesterovSgd, AdamW> optimizer_;
};

}  // namespace normact::proxy_tasks
