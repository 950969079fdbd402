#pragma once

#include "primitives/graph.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// How layers are scored, as plain values without LibTorch: what a study's configuration holds of it.
namespace normact::proxy_tasks {

/// Which images, and where they lie.
struct DatasetSettings {
    std::string name = "fashion-mnist";  ///< one of dataset_names() (dataset.h)
    std::string folder;                  ///< empty: the usual places, see docs/data.md

    bool operator==(const DatasetSettings&) const = default;
};

enum class Schedule { constant, cosine };

/// Nesterov SGD, or Adam with decoupled weight decay (arXiv 1711.05101).
enum class Optimizer { sgd, adamw };
inline constexpr std::array optimizers{Optimizer::sgd, Optimizer::adamw};

std::string_view name(Optimizer optimizer);
/// Throws std::invalid_argument that lists the names there are.
Optimizer find_optimizer(std::string_view name);

/// Training on random crops and flips.
struct TrainingSettings {
    int steps = 400;
    int batch = 64;
    int crop = 24;     ///< side of the random training crops, at most the image's side
    bool flip = true;  ///< mirror half of the images
    Optimizer optimizer = Optimizer::sgd;
    double learning_rate = 0.1;  ///< AdamW wants about a hundredth
    Schedule schedule = Schedule::cosine;
    double momentum = 0.9;          ///< AdamW: the decay of the first moment, below 1
    double weight_decay = 1e-4;     ///< AdamW wants about 0.05
    int validation_images = 10000;  ///< how many of the validation images count
    int validation_batch = 500;

    bool operator==(const TrainingSettings&) const = default;
};

/// Drops a layer whose validation accuracy is still too low early on, on any anchor but generators.
struct QualityFilter {
    int steps = 100;  ///< 0 turns the filter off
    double minimum_accuracy = 0.2;
    int images = 1000;  ///< how many validation images judge it: 1000 tell 0.10 from 0.20 by eight standard errors

    bool operator==(const QualityFilter&) const = default;
};

/// Drops a layer whose gradients can be driven to blow up: gradient ascent on the weights that maximizes the norm of
/// the loss's gradient.
struct StabilityFilter {
    int steps = 100;  ///< 0 turns the filter off
    int batch = 8;
    double learning_rate = 0.1;
    double maximum_gradient_norm = 1e8;

    bool operator==(const StabilityFilter&) const = default;
};

/// What convolutions compute with on a GPU: float32; float32 numbers rounded to 11 significant bits (TF32); or
/// bfloat16, with layers and losses in between as LibTorch's autocast has it. Weights, moments and steps are float32
/// always.
enum class Precision { float32, tf32, bfloat16 };

/// Everything that decides a layer's scores, beside the layer and the seed.
struct ScoringSettings {
    DatasetSettings dataset;
    std::vector<std::string> anchors{"resnet-tiny", "mobilenet-tiny", "efficientnet-tiny"};  ///< names of anchors.h
    TrainingSettings training;
    QualityFilter quality;
    StabilityFilter stability;
    double audit_share = 0.01;  ///< of the rejected layers: fully scored all the same, to judge the filters
    primitives::LayerSettings layer;
    std::string engine = "cpu";
    Precision precision = Precision::float32;

    bool operator==(const ScoringSettings&) const = default;
};

/// Throws std::invalid_argument that names the setting, what it holds and what it may hold. Looks at the values alone,
/// not at the data set's files.
void validate(const ScoringSettings& settings);

}  // namespace normact::proxy_tasks
