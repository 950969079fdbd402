#include "proxy_tasks/training.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

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

std::variant<NesterovSgd, AdamW> make_optimizer(const std::vector<at::Tensor>& parameters,
                                                const TrainingSettings& settings) {
    switch (settings.optimizer) {
        case Optimizer::sgd:
            return NesterovSgd(parameters, settings.momentum, settings.weight_decay);
        case Optimizer::adamw:
            return AdamW(parameters, settings.momentum, settings.weight_decay);
    }
    throw std::logic_error("an optimizer that nobody makes");
}

/// How many pixels of each class [rows] were taken for which [columns]; the last column is for pixels whose logits are
/// not finite. int64 [classes,classes + 1].
at::Tensor confusion(const at::Tensor& logits, const at::Tensor& labels) {
    const std::int64_t classes = logits.size(1);
    const auto [largest, found] = logits.max(1);
    const at::Tensor taken_for = at::where(at::isfinite(largest), found, classes);
    const at::Tensor cells = (labels * (classes + 1) + taken_for).masked_select(labels != ignored);
    return at::bincount(cells, {}, classes * (classes + 1)).view({classes, classes + 1});
}

/// Over the classes that the masks have; 0 if they have none.
double mean_intersection_over_union(const at::Tensor& confusion) {
    const auto counts = confusion.accessor<std::int64_t, 2>();
    const std::int64_t classes = counts.size(0);
    double sum = 0;
    int there = 0;
    for (std::int64_t k = 0; k < classes; ++k) {
        std::int64_t of_class = 0, taken_for_it = 0;
        for (std::int64_t j = 0; j < classes; ++j) taken_for_it += counts[j][k];
        for (std::int64_t j = 0; j <= classes; ++j) of_class += counts[k][j];
        if (of_class == 0) continue;
        sum += static_cast<double>(counts[k][k]) / static_cast<double>(of_class + taken_for_it - counts[k][k]);
        ++there;
    }
    return there == 0 ? 0 : sum / there;
}

}  // namespace

CpuTraining::CpuTraining(const Anchor& anchor, const Dataset& dataset, const TrainingSettings& settings,
                         const MakeLayer& layer, const Trial& trial)
    : dataset_(dataset),
      settings_(settings),
      network_(anchor, static_cast<int>(dataset.train.pixels.size(1)), dataset.classes, layer),
      batches_(dataset, settings.batch, settings.crop, settings.flip, generator_of(trial, Stream::batches),
               generator_of(trial, Stream::crops)),
      optimizer_(make_optimizer(network_.parameters(), settings)) {
    at::Generator weights = at::detail::createCPUGenerator(seed_of(trial, Stream::initialization));
    initialize(network_, weights);
}

void CpuTraining::step() {
    network_.train();  // a validation may have been broken off
    const Batch& batch = batches_.next();
    if (!anything_counts(batch)) {
        loss_ = 0;
        ++steps_done_;
        return;
    }
    const at::Tensor loss = at::cross_entropy_loss(network_.forward(batch.images), batch.labels);
    loss_ = loss.item<float>();
    diverged_ = !std::isfinite(loss_);
    if (diverged_) return;
    loss.backward();
    const double rate = learning_rate(settings_.schedule, settings_.learning_rate, steps_done_, settings_.steps);
    std::visit([rate](auto& optimizer) { optimizer.step(rate); }, optimizer_);
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
    at::Tensor confused = at::zeros({dataset_.classes, dataset_.classes + 1}, at::kLong);
    const bool masks = dataset_.validation.have_masks();
    network_.eval();
    for (std::int64_t first = 0; first < count; first += settings_.validation_batch) {
        checkpoint();
        const std::int64_t size = std::min<std::int64_t>(settings_.validation_batch, count - first);
        const Batch batch = whole_images(dataset_, dataset_.validation, first, size);
        const at::Tensor logits = network_.forward(batch.images);
        if (masks)
            confused += confusion(logits, batch.labels);
        else
            right += count_right(logits, batch.labels);
    }
    if (masks) return mean_intersection_over_union(confused);
    return static_cast<double>(right) / static_cast<double>(count);
}

}  // namespace normact::proxy_tasks
