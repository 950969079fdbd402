#include "proxy_tasks/settings.h"

#include <cmath>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace normact::proxy_tasks {
namespace {

template <class Value>
void require(bool holds, std::string_view key, Value value, std::string_view wanted) {
    if (holds) return;
    std::ostringstream message;
    message << "scoring." << key << " is " << value << "; it must be " << wanted;
    throw std::invalid_argument(message.str());
}

void at_least(int least, std::string_view key, int value) {
    require(value >= least, key, value, "at least " + std::to_string(least));
}

void positive(std::string_view key, double value) {
    require(value > 0 && std::isfinite(value), key, value, "positive and finite");
}

void in_range(double low, double high, std::string_view key, double value) {
    require(value >= low && value <= high, key, value,
            "between " + std::to_string(low) + " and " + std::to_string(high));
}

}  // namespace

std::string_view name(Optimizer optimizer) {
    switch (optimizer) {
        case Optimizer::sgd:
            return "sgd";
        case Optimizer::adamw:
            return "adamw";
    }
    throw std::logic_error("an optimizer without a name");
}

Optimizer find_optimizer(std::string_view name) {
    std::string names;
    for (const Optimizer optimizer : optimizers) {
        const std::string_view known = proxy_tasks::name(optimizer);
        if (known == name) return optimizer;
        names += (names.empty() ? "" : ", ") + std::string(known);
    }
    throw std::invalid_argument("no optimizer '" + std::string(name) + "'; there are " + names);
}

void validate(const ScoringSettings& settings) {
    const auto& [dataset, anchors, training, quality, stability, audit_share, layer, engine, precision] = settings;
    require(!anchors.empty(), "anchors", "empty", "at least one anchor");
    at_least(1, "training.steps", training.steps);
    at_least(1, "training.batch", training.batch);
    at_least(1, "training.crop", training.crop);
    positive("training.learning_rate", training.learning_rate);
    in_range(0, 1, "training.momentum", training.momentum);
    require(training.optimizer == Optimizer::sgd || training.momentum < 1, "training.momentum", training.momentum,
            "below 1 for the optimizer adamw");
    in_range(0, 1, "training.weight_decay", training.weight_decay);
    at_least(1, "training.validation_images", training.validation_images);
    at_least(1, "training.validation_batch", training.validation_batch);
    at_least(0, "quality.steps", quality.steps);
    require(quality.steps <= training.steps, "quality.steps", quality.steps,
            "at most training.steps, of which they are the first");
    in_range(0, 1, "quality.minimum_accuracy", quality.minimum_accuracy);
    at_least(1, "quality.images", quality.images);
    at_least(0, "stability.steps", stability.steps);
    at_least(1, "stability.batch", stability.batch);
    positive("stability.learning_rate", stability.learning_rate);
    positive("stability.maximum_gradient_norm", stability.maximum_gradient_norm);
    in_range(0, 1, "audit_share", audit_share);
    at_least(1, "layer.groups", layer.groups);
    positive("layer.epsilon", layer.epsilon);
    require(engine == "cuda" || precision == Precision::float32, "precision", "another",
            "float32, unless scoring.engine is cuda");
}

}  // namespace normact::proxy_tasks
