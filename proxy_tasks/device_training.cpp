#include "proxy_tasks/device_training.h"

#include "proxy_tasks/adamw.h"
#include "proxy_tasks/sgd.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/autocast_mode.h>

#include <algorithm>
#include <limits>

namespace normact::proxy_tasks {
namespace {

/// How many steps' cuts are brought to the device at once, and how often the CPU looks at the loss.
constexpr int steps_ahead = 64, steps_between_looks = 32;

/// LibTorch's autocast to bfloat16, while it lives.
class Autocast {
  public:
    Autocast(c10::DeviceType device, bool enabled) : device_(device), enabled_(enabled) {
        if (!enabled_) return;
        at::autocast::set_autocast_enabled(device_, true);
        at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    }
    ~Autocast() {
        if (!enabled_) return;
        at::autocast::set_autocast_enabled(device_, false);
        at::autocast::clear_cache();  // of weights, which change with the next step
    }
    Autocast(const Autocast&) = delete;
    Autocast& operator=(const Autocast&) = delete;

  private:
    c10::DeviceType device_;
    bool enabled_;
};

at::Tensor learning_rates(const TrainingSettings& settings) {
    std::vector<float> rates;
    for (int step = 0; step <= settings.steps; ++step)
        rates.push_back(static_cast<float>(
            learning_rate(settings.schedule, settings.learning_rate, step, std::max(settings.steps, 1))));
    return at::tensor(rates);
}

}  // namespace

DeviceTraining::DeviceTraining(const Anchor& anchor, const Dataset& dataset, const DeviceDataset& data,
                               const TrainingSettings& settings, Precision precision, const MakeLayer& layer,
                               const Trial& trial)
    : data_(data),
      settings_(settings),
      precision_(precision),
      network_(anchor, static_cast<int>(data.channels), data.classes, layer),
      cuts_(dataset, settings.batch, settings.crop, settings.flip, generator_of(trial, Stream::batches),
            generator_of(trial, Stream::crops)),
      training_work_([this] { step(); }, make_recorder(data.scale.device())),
      validation_work_([this] { validation_step(); }, make_recorder(data.scale.device())),
      cuts_used_(steps_ahead) {
    at::Generator weights = at::detail::createCPUGenerator(seed_of(trial, Stream::initialization));
    initialize(network_, weights);  // on the CPU, so that they are the same everywhere
    const c10::Device device = data.scale.device();
    network_.to(device);
    groups_ = {{settings.weight_decay, {}, {}, {}}, {0, {}, {}, {}}};
    for (const at::Tensor& parameter : network_.parameters()) {
        Group& group = groups_[parameter.dim() >= 2 ? 0 : 1];
        group.parameters.push_back(parameter);
        group.first_moments.push_back(at::zeros_like(parameter));
        if (settings.optimizer == Optimizer::adamw) group.second_moments.push_back(at::zeros_like(parameter));
    }
    const auto whole = at::TensorOptions(device).dtype(at::kLong);
    rates_ = learning_rates(settings).to(device);
    not_finite_ = at::zeros({1}, rates_.options());
    last_loss_ = at::zeros({1}, rates_.options());
    cuts_ahead_ = at::empty({steps_ahead, settings.batch, 4}, whole);
    for (at::Tensor* counter : {&steps_taken_, &place_, &first_image_, &image_count_, &right_})
        *counter = at::zeros({1}, whole);
}

void DeviceTraining::advance_to(int steps, const Checkpoint& checkpoint) {
    network_.train();  // a validation may have been broken off
    const int last = std::min(steps, settings_.steps);
    try {
        while (started_ < last && !diverged_) {
            checkpoint();
            start_step();
            if (started_ % steps_between_looks == 0) look();
        }
    } catch (...) {
        look();
        throw;
    }
    look();
}

void DeviceTraining::start_step() {
    if (cuts_used_ == steps_ahead) bring_cuts();
    training_work_.run();
    ++cuts_used_;
    ++started_;
}

void DeviceTraining::bring_cuts() {
    std::vector<at::Tensor> numbers;
    numbers.reserve(steps_ahead);
    for (int i = 0; i < steps_ahead; ++i) numbers.push_back(as_tensor(cuts_.next()));
    cuts_ahead_.copy_(at::stack(numbers));
    place_.zero_();
    cuts_used_ = 0;
}

/// Waits for the device.
void DeviceTraining::look() {
    steps_done_ = static_cast<int>(steps_taken_.item<std::int64_t>());
    diverged_ = not_finite_.item<float>() != 0;
    loss_ = last_loss_.item<float>();
}

void DeviceTraining::step() {
    const Batch batch =
        cut_on_device(data_, data_.train, cuts_ahead_.index_select(0, place_).squeeze(0), settings_.crop);
    const at::Tensor loss = at::cross_entropy_loss(logits(batch.images), batch.labels);
    loss.backward();
    const at::NoGradGuard no_grad;
    last_loss_.copy_(loss.view({1}));
    not_finite_.copy_(at::maximum(not_finite_, at::isfinite(last_loss_).logical_not().to(at::kFloat)));
    update_parameters(rates_.index_select(0, steps_taken_));
    steps_taken_.add_(1 - not_finite_.to(at::kLong));
    place_.add_(1);
}

/// In float32.
at::Tensor DeviceTraining::logits(const at::Tensor& images) {
    const Autocast autocast(images.device().type(), precision_ == Precision::bfloat16);
    return network_.forward(images).to(at::kFloat);
}

void DeviceTraining::update_parameters(const at::Tensor& rate) {
    const bool adamw = settings_.optimizer == Optimizer::adamw;
    const at::Tensor this_step = (steps_taken_ + 1).to(at::kFloat).squeeze(0);
    for (const Group& group : groups_) {
        std::vector<at::Tensor> parameters, gradients, first, second;
        for (std::size_t i = 0; i < group.parameters.size(); ++i) {
            if (!group.parameters[i].grad().defined()) continue;
            parameters.push_back(group.parameters[i]);
            gradients.push_back(group.parameters[i].grad());
            first.push_back(group.first_moments[i]);
            if (adamw) second.push_back(group.second_moments[i]);
        }
        if (parameters.empty()) continue;
        if (adamw) {
            at::_fused_adamw_(parameters, gradients, first, second, {},
                              std::vector<at::Tensor>(parameters.size(), this_step), rate.squeeze(0),
                              settings_.momentum, adam_second_moment_decay, group.decay, adam_epsilon,
                              /*amsgrad=*/false, /*maximize=*/false, {}, not_finite_);
        } else {
            at::_fused_sgd_(parameters, gradients, first, group.decay, settings_.momentum, rate.squeeze(0),
                            /*dampening=*/0, /*nesterov=*/true, /*maximize=*/false, /*is_first_step=*/false, {},
                            not_finite_);
        }
        for (at::Tensor& parameter : parameters) parameter.mutable_grad().reset();
    }
}

double DeviceTraining::validate(std::int64_t images, const Checkpoint& checkpoint) {
    if (diverged_) return 0;
    const at::NoGradGuard no_grad;
    network_.eval();
    const std::int64_t count = std::min(images, data_.validation.labels.size(0));
    image_count_.fill_(count);
    first_image_.zero_();
    right_.zero_();
    for (std::int64_t first = 0; first < count; first += settings_.validation_batch) {
        checkpoint();
        validation_work_.run();
    }
    return static_cast<double>(right_.item<std::int64_t>()) / static_cast<double>(count);
}

void DeviceTraining::validation_step() {
    const DeviceImages& from = data_.validation;
    const at::Tensor images = first_image_ + at::arange(settings_.validation_batch, first_image_.options());
    at::Tensor cuts = at::zeros({settings_.validation_batch, 4}, images.options());
    cuts.select(1, 0).copy_(images.clamp_max(from.labels.size(0) - 1));
    const Batch batch = cut_on_device(data_, from, cuts, from.height);
    const at::Tensor logits = this->logits(batch.images);
    const at::Tensor own = batch.labels.unsqueeze(1);
    const at::Tensor others =
        logits.scatter(1, own, -std::numeric_limits<double>::infinity()).amax(1);  // NaN if one is
    const at::Tensor right = (logits.gather(1, own).squeeze(1) > others).logical_and(images < image_count_);
    right_.add_(right.sum());
    first_image_.add_(settings_.validation_batch);
}

}  // namespace normact::proxy_tasks
