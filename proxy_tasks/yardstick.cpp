#include "proxy_tasks/yardstick.h"

#include "proxy_tasks/batch_norm_relu.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <vector>

namespace normact::proxy_tasks {
namespace {

constexpr std::int64_t images_at_once = 500;

TrainingSettings classifier_settings(const Dataset& dataset, int crop, int steps) {
    TrainingSettings settings;
    settings.steps = steps;
    settings.batch = static_cast<int>(std::min<std::int64_t>(64, dataset.train.pixels.size(0)));
    settings.crop = crop;
    return settings;
}

}  // namespace

Yardstick::Yardstick(const Dataset& dataset, int crop, const Checkpoint& checkpoint, int steps) {
    const Trial trial{.study_seed = 0, .layer = {}, .task = dataset.name + "/yardstick", .replicate = 0};
    const TrainingSettings settings = classifier_settings(dataset, crop, steps);
    classifier_ = std::make_unique<CpuTraining>(find_anchor("resnet-tiny"), dataset, settings, batch_norm_relu, trial);
    classifier_->advance_to(settings.steps, checkpoint);
    classifier_->network().eval();
    real_ = real_features(dataset, crop, checkpoint);
}

at::Tensor Yardstick::features(const at::Tensor& images) const {
    const torch::NoGradGuard no_grad;
    return classifier_->network().features(images).to(at::kDouble);
}

at::Tensor Yardstick::real_features(const Dataset& dataset, int crop, const Checkpoint& checkpoint) const {
    const Images& images = dataset.validation;
    const std::int64_t count = images.pixels.size(0);
    const int border = static_cast<int>(images.pixels.size(2) - crop) / 2;
    std::vector<at::Tensor> parts;
    for (std::int64_t first = 0; first < count; first += images_at_once) {
        checkpoint();
        std::vector<Cut> cuts;
        for (std::int64_t i = first; i < std::min(first + images_at_once, count); ++i)
            cuts.push_back({i, border, border, false});
        parts.push_back(features(cut(dataset, images, cuts, crop).images));
    }
    return at::cat(parts);
}

double Yardstick::closeness_to_real(const at::Tensor& features, std::int64_t count) const {
    return closeness(moments_of(real_.narrow(0, 0, std::min(count, real_.size(0)))), moments_of(features));
}

}  // namespace normact::proxy_tasks
