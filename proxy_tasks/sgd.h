#pragma once

#include "proxy_tasks/settings.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace normact::proxy_tasks {

/// The learning rate of step `step` (0 is the first) of `steps`: the same always, or a half cosine from the full rate
/// down to 0 (arXiv 1608.03983, without restarts).
double learning_rate(Schedule schedule, double initial, int step, int steps);

/// Stochastic gradient descent with Nesterov momentum, as torch::optim::SGD with nesterov(true) and no dampening, in
/// one pass over each parameter. Weight decay acts on weights of convolutions and linear maps alone, not on what is per
/// channel.
class NesterovSgd {
  public:
    /// parameters: float32 on the CPU, dense.
    NesterovSgd(std::vector<at::Tensor> parameters, double momentum, double weight_decay);

    /// One step along the parameters' gradients, which it drops. Parameters without a gradient stay.
    void step(double learning_rate);

  private:
    std::vector<at::Tensor> parameters_;
    std::vector<at::Tensor> velocities_;
    double momentum_, weight_decay_;
};

}  // namespace normact::proxy_tasks
