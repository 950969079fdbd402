#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace normact::proxy_tasks {

/// Beside the decay of the first moment: what the source proposes and torch::optim::AdamW has.
inline constexpr double adam_second_moment_decay = 0.999, adam_epsilon = 1e-8;

/// Adam with decoupled weight decay (Loshchilov & Hutter, arXiv 1711.05101), as torch::optim::AdamW, in one pass over
/// each parameter. Weight decay acts on weights of convolutions and linear maps alone, as in NesterovSgd; it is a share
/// of the weight and of the learning rate. Without it this is Adam.
class AdamW {
  public:
    /// parameters: float32 on the CPU, dense. The decays of the moments lie in [0,1).
    AdamW(std::vector<at::Tensor> parameters, double first_moment_decay, double weight_decay,
          double second_moment_decay = adam_second_moment_decay);

    /// One step along the parameters' gradients, which it drops. Parameters without a gradient stay.
    void step(double learning_rate);

  private:
    struct Moments {
        at::Tensor first, second;
    };

    std::vector<at::Tensor> parameters_;
    std::vector<Moments> moments_;
    double first_decay_, second_decay_, weight_decay_;
    int steps_ = 0;
};

}  // namespace normact::proxy_tasks
