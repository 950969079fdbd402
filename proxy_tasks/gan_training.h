#pragma once

#include "proxy_tasks/adamw.h"
#include "proxy_tasks/batches.h"
#include "proxy_tasks/gan_networks.h"
#include "proxy_tasks/seeds.h"
#include "proxy_tasks/training.h"
#include "proxy_tasks/yardstick.h"

#include <ATen/core/Generator.h>

namespace normact::proxy_tasks {

/// A generator with the layer under search against a discriminator without it, on the CPU. The hinge loss (arXiv
/// 1705.02894), one step of the discriminator and one of the generator a step, each by Adam (decays 0.5 and 0.999)
/// from a rate of 0.001: of the settings steps, batch, crop, flip and schedule count, not the optimizer and its
/// numbers.
class GanTraining final : public Training {
  public:
    /// `dataset` and `yardstick` must outlive the training. All random numbers come from `trial`.
    GanTraining(const Anchor& anchor, const Dataset& dataset, const TrainingSettings& settings, const MakeLayer& layer,
                const Yardstick& yardstick, const Trial& trial);

    /// The loss is the generator's.
    void advance_to(int steps, const Checkpoint& checkpoint) override;

    /// Generates as many images as there are held-out ones, `images` at most, always from the same latents, and returns
    /// how close they are to these (Yardstick), in [0,1]. A training that diverged has 0.
    double validate(std::int64_t images, const Checkpoint& checkpoint) override;

    ImageGenerator& generator() { return generator_; }
    Discriminator& discriminator() { return discriminator_; }

  private:
    at::Tensor generated(const at::Tensor& latents);
    double discriminator_step();
    double generator_step();

    const Dataset& dataset_;
    TrainingSettings settings_;
    const Yardstick& yardstick_;
    ImageGenerator generator_;
    Discriminator discriminator_;
    TrainingCuts cuts_;
    at::Generator latents_;
    std::uint64_t validation_seed_;
    AdamW generator_optimizer_, discriminator_optimizer_;
    at::Tensor scale_, shift_;  // from (-1,1) to what networks take, [C,1,1]
};

}  // namespace normact::proxy_tasks
