#pragma once

#include "proxy_tasks/batches.h"
#include "proxy_tasks/network.h"
#include "proxy_tasks/seeds.h"
#include "proxy_tasks/sgd.h"

#include <cstdint>
#include <functional>

namespace normact::proxy_tasks {

/// Called between training steps and between validation batches; whatever it throws ends the work there.
using Checkpoint = std::function<void()>;

/// One layer in one anchor, trained from scratch: goes on where it stopped, so that an early look costs nothing. One
/// thread at a time.
class Training {
  public:
    virtual ~Training() = default;

    /// Trains on until `steps` steps are done in all, or until the loss is not finite: then training is over.
    virtual void advance_to(int steps, const Checkpoint& checkpoint) = 0;

    /// The share of the first `images` validation images, whole, that the network gets right, in [0,1]. An image is
    /// right if the logit of its class is larger than every other one, so NaN and ties are wrong; a training that
    /// diverged has accuracy 0.
    virtual double validate(std::int64_t images, const Checkpoint& checkpoint) = 0;

    virtual int steps_done() const = 0;
    /// True once a loss was not finite. No step was taken with it.
    virtual bool diverged() const = 0;
    /// The loss of the last step.
    virtual double loss() const = 0;
};

/// On the CPU. Follows prepare_thread (scorer.h).
class CpuTraining final : public Training {
  public:
    /// `dataset` must outlive the training. All random numbers come from `trial`.
    CpuTraining(const Anchor& anchor, const Dataset& dataset, const TrainingSettings& settings, const MakeLayer& layer,
                const Trial& trial);

    void advance_to(int steps, const Checkpoint& checkpoint) override;
    double validate(std::int64_t images, const Checkpoint& checkpoint) override;
    int steps_done() const override { return steps_done_; }
    bool diverged() const override { return diverged_; }
    double loss() const override { return loss_; }

  private:
    void step();

    const Dataset& dataset_;
    TrainingSettings settings_;
    Network network_;
    TrainingBatches batches_;
    NesterovSgd optimizer_;
    int steps_done_ = 0;
    bool diverged_ = false;
    double loss_ = 0;
};

}  // namespace normact::proxy_tasks
