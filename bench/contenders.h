#pragma once

// The layers that training steps are compared by, and a training that does nothing but steps: the same networks as a
// plain PyTorch script, channels_last, one thread, Nesterov SGD.

#include "evaluator/engine.h"
#include "proxy_tasks/dataset.h"
#include "proxy_tasks/training.h"

#include <chrono>
#include <string>
#include <vector>

namespace normact::bench {

struct Contender {
    std::string name;
    proxy_tasks::MakeLayer layer;
};

/// "none" leaves the layer out: the floor that the convolutions set. "BN-ReLU (ATen's own)" is batch_norm and relu
/// called directly, as a PyTorch user has them; the others run through the engine.
std::vector<Contender> contenders(const evaluator::Engine& engine);

inline const std::vector<std::string> small_anchors{"resnet-tiny", "mobilenet-tiny", "efficientnet-tiny"};

/// What is measured: steps of a batch of crops, of made-up images.
struct Steps {
    proxy_tasks::Dataset dataset;
    int batch, crop;

    proxy_tasks::CpuTraining training(const std::string& anchor, const proxy_tasks::MakeLayer& layer) const;
};

inline double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace normact::bench
