#include "proxy_tasks/gan_training.h"

#include "proxy_tasks/sgd.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace normact::proxy_tasks {
namespace {

constexpr double initial_rate = 1e-3, first_moment_decay = 0.5;

at::Generator random_numbers(std::uint64_t seed) { return at::detail::createCPUGenerator(seed); }

at::Tensor some_latents(std::int64_t count, const at::Generator& generator) {
    return at::randn({count, latent_numbers}, generator);
}

/// The cuts, whole images where they are as large: no black borders, which a generator would learn.
std::vector<Cut> without_padding(std::span<const Cut> cuts, bool whole) {
    std::vector<Cut> inside(cuts.begin(), cuts.end());
    if (whole)
        for (Cut& cut : inside) cut.top = cut.left = 0;
    return inside;
}

}  // namespace

GanTraining::GanTraining(const Anchor& anchor, const Dataset& dataset, const TrainingSettings& settings,
                         const MakeLayer& layer, const Yardstick& yardstick, const Trial& trial)
    : dataset_(dataset),
      settings_(settings),
      yardstick_(yardstick),
      generator_(anchor, static_cast<int>(dataset.train.pixels.size(1)), settings.crop, layer),
      discriminator_(anchor, static_cast<int>(dataset.train.pixels.size(1)), settings.crop),
      cuts_(dataset, settings.batch, settings.crop, settings.flip, generator_of(trial, Stream::batches),
            generator_of(trial, Stream::crops)),
      latents_(random_numbers(seed_of(trial, Stream::latents))),
      validation_seed_(seed_of(trial, Stream::validation_latents)),
      generator_optimizer_(generator_.parameters(), first_moment_decay, 0),
      discriminator_optimizer_(discriminator_.parameters(), first_moment_decay, 0) {
    at::Generator weights = random_numbers(seed_of(trial, Stream::initialization));
    generator_.initialize(weights);
    discriminator_.initialize(weights);
    std::vector<float> scale, shift;
    for (std::size_t c = 0; c < dataset.mean.size(); ++c) {
        scale.push_back(0.5F / dataset.deviation[c]);
        shift.push_back((0.5F - dataset.mean[c]) / dataset.deviation[c]);
    }
    scale_ = at::tensor(scale).view({-1, 1, 1});
    shift_ = at::tensor(shift).view({-1, 1, 1});
}

/// As the data set's images come to a network.
at::Tensor GanTraining::generated(const at::Tensor& latents) { return generator_.forward(latents) * scale_ + shift_; }

double GanTraining::discriminator_step() {
    const bool whole = settings_.crop == dataset_.train.pixels.size(2);
    const Batch real = cut(dataset_, dataset_.train, without_padding(cuts_.next(), whole), settings_.crop);
    at::Tensor fake;
    {
        const torch::NoGradGuard no_grad;
        fake = generated(some_latents(settings_.batch, latents_));
    }
    const auto scores = discriminator_.forward(at::cat({real.images, fake})).chunk(2);
    const at::Tensor loss = at::relu(1 - scores[0]).mean() + at::relu(1 + scores[1]).mean();
    loss.backward();
    return loss.item<float>();
}

double GanTraining::generator_step() {
    const auto train_discriminator = [this](bool yes) {
        for (at::Tensor& parameter : discriminator_.parameters()) parameter.set_requires_grad(yes);
    };
    train_discriminator(false);
    const at::Tensor loss = -discriminator_.forward(generated(some_latents(settings_.batch, latents_))).mean();
    loss.backward();
    train_discriminator(true);
    return loss.item<float>();
}

void GanTraining::advance_to(int steps, const Checkpoint& checkpoint) {
    generator_.train();  // a validation may have been broken off
    discriminator_.train();
    while (steps_done_ < std::min(steps, settings_.steps) && !diverged_) {
        checkpoint();
        const double rate = learning_rate(settings_.schedule, initial_rate, steps_done_, settings_.steps);
        loss_ = discriminator_step();
        diverged_ = !std::isfinite(loss_);
        if (diverged_) return;
        discriminator_optimizer_.step(rate);
        loss_ = generator_step();
        diverged_ = !std::isfinite(loss_);
        if (diverged_) return;
        generator_optimizer_.step(rate);
        ++steps_done_;
    }
}

double GanTraining::validate(std::int64_t images, const Checkpoint& checkpoint) {
    if (diverged_) return 0;
    const torch::NoGradGuard no_grad;
    generator_.eval();
    const std::int64_t count = std::min(images, dataset_.validation.pixels.size(0));
    const at::Generator latents = random_numbers(validation_seed_);
    std::vector<at::Tensor> parts;
    for (std::int64_t first = 0; first < count; first += settings_.validation_batch) {
        checkpoint();
        const std::int64_t size = std::min<std::int64_t>(settings_.validation_batch, count - first);
        parts.push_back(yardstick_.features(generated(some_latents(size, latents))));
    }
    return yardstick_.closeness_to_real(at::cat(parts), count);
}

}  // namespace normact::proxy_tasks
