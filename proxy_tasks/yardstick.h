#pragma once

#include "proxy_tasks/dataset.h"
#include "proxy_tasks/frechet.h"
#include "proxy_tasks/training.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace normact::proxy_tasks {

/// Judges generated images by the features of a small classifier (the anchor resnet-tiny with BN-ReLU) that is trained
/// on the data set's training images first, always alike, in steps of batch 64. The measure is closeness() of the
/// generated images' features to those of real held-out images, cut out of their middle.
///
/// It is the idea of FID (arXiv 1706.08500) and not FID: another network, 64 features instead of 2,048, a classifier
/// that knows these images alone, and far fewer of them. Its values compare with nothing but each other, on the same
/// data set and crop. On LibTorch's operations, on the CPU.
class Yardstick {
  public:
    static constexpr int usual_steps = 400;

    /// Trains. `dataset` must outlive it; crop: side of the images. Throws what `checkpoint` throws.
    Yardstick(const Dataset& dataset, int crop, const Checkpoint& checkpoint, int steps = usual_steps);

    /// images: float [N,C,crop,crop] as networks take them. Returns double [N,features].
    at::Tensor features(const at::Tensor& images) const;

    /// How close these features are to those of the first `count` held-out images, in [0,1], 1 the best.
    double closeness_to_real(const at::Tensor& features, std::int64_t count) const;

  private:
    at::Tensor real_features(const Dataset& dataset, int crop, const Checkpoint& checkpoint) const;

    std::unique_ptr<CpuTraining> classifier_;
    at::Tensor real_;  // [held-out images,features]
};

}  // namespace normact::proxy_tasks
