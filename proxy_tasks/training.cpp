#include "proxy_tasks/training.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cross_entropy_loss.h>

#include <algorithm>
#include <cmath>

namespace normact::proxy_tasks {
namespace {

std::int64_t count_right(const at::Tensor& logits, const at::Tensor& labels) {
    const at::Tensor rows = logits.contiguous();
    const auto* row = rows.const_data_ptr<float>();
    const auto* label = labels.const_data_ptr<std::int64_t>();
    const std::int64_t classes = rows.size(1);
    std::int64_t right = 0;
    for (std::int64_t n = 0; n < rows.size(0); ++n, row += classes) {
        bool largest = true;
        for (std::int64_t k = 0; k < classes; ++k) largest = largest && (k == label[n] || row[label[n]] > row[k]);
        right += largest ? 1 : 0;
    }
    return right;
}

}  // namespace

CpuTraining::CpuTraining(const Anchor& anchor, const Dataset& dataset, const TrainingSettings& settings,
                         const MakeLayer& layer, const Trial& trial)
    : dataset_(dataset),
      settings_(settings),
      network_(anchor, static_cast<int>(dataset.train.pixels.size(1)), dataset.classes, layer),
      batches_(dataset, settings.batch, settings.crop, settings.flip, generator_of(trial, Stream::batches),
               generator_of(trial, Stream::crops)),
      optimizer_(network_.parameters(), settings.momentum, settings.weight_decay) {
    at::Generator weights = at::detail::createCPUGenerator(seed_of(trial, Stream::initialization));
    initialize(network_, weights);
}

void CpuTraining::step() {
    network_.train();  // a validation may have been broken off
    const Batch& batch = batches_.next();
    const at::Tensor loss = at::cross_entropy_loss(network_.forward(batch.images), batch.labels);
    loss_ = loss.item<float>();
    diverged_ = !std::isfinite(loss_);
    if (diverged_) return;
    loss.backward();
    optimizer_.step(learning_rate(settings_.schedule, settings_.learning_rate, steps_done_, settings_.steps));
    ++steps_done_;
}

void CpuTraining::advance_to(int steps, const Checkpoint& checkpoint) {
    while (steps_done_ < std::min(steps, settings_.steps) && !diverged_) {
        checkpoint();
        step();
    }
}

double CpuTraining::validate(std::int64_t images, const Checkpoint& checkpoint) {
    if (diverged_) return 0;
    const torch::InferenceMode inference;
    const std::int64_t count = std::min(images, dataset_.validation.pixels.size(0));
    std::int64_t right = 0;
    network_.eval();
    for (std::int64_t first = 0; first < count; first += settings_.validation_batch) {
        checkpoint();
        const std::int64_t size = std::min<std::int64_t>(settings_.validation_batch, count - first);
        const Batch batch = whole_images(dataset_, dataset_.validation, first, size);
        right += count_right(network_.forward(batch.images), batch.labels);
    }
    return static_cast<double>(right) / static_cast<double>(count);
}

}  // namespace normact::proxy_tasks
