#pragma once

#include "proxy_tasks/device_images.h"
#include "proxy_tasks/network.h"
#include "proxy_tasks/repeated_work.h"
#include "proxy_tasks/seeds.h"
#include "proxy_tasks/training.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace normact::proxy_tasks {

/// Training on a GPU. The same images, crops and first weights as CpuTraining, and the same steps up to rounding; but
/// the CPU only starts them: cutting, forward, loss, backward and the optimizer are one recorded piece of work, in
/// which the number of the step, its learning rate and the loss are values of the device. The CPU looks at the loss now
/// and then; steps behind one that was not finite change nothing.
class DeviceTraining final : public Training {
  public:
    /// `data` is `dataset` on the device, and must outlive the training.
    DeviceTraining(const Anchor& anchor, const Dataset& dataset, const DeviceDataset& data,
                   const TrainingSettings& settings, Precision precision, const MakeLayer& layer, const Trial& trial);

    void advance_to(int steps, const Checkpoint& checkpoint) override;
    double validate(std::int64_t images, const Checkpoint& checkpoint) override;

  private:
    /// Parameters with the same weight decay.
    struct Group {
        double decay;
        std::vector<at::Tensor> parameters, first_moments, second_moments;  // SGD has but the first: its velocities
    };

    void start_step();
    void bring_cuts();
    void look();
    void step();             // what is recorded
    void validation_step();  // likewise
    void update_parameters(const at::Tensor& rate);
    at::Tensor logits(const at::Tensor& images);

    const DeviceDataset& data_;
    TrainingSettings settings_;
    Precision precision_;
    Network network_;
    TrainingCuts cuts_;
    std::vector<Group> groups_;

    // Values of the device.
    at::Tensor rates_;                              ///< float [steps + 1]: the learning rate of each step
    at::Tensor steps_taken_;                        ///< int64 [1]
    at::Tensor not_finite_;                         ///< float [1]: 1 once a loss was not finite
    at::Tensor last_loss_;                          ///< float [1]
    at::Tensor cuts_ahead_;                         ///< int64 [steps_ahead,batch,4]
    at::Tensor place_;                              ///< int64 [1]: of the next step's cuts in it
    at::Tensor first_image_, image_count_, right_;  ///< int64 [1], of a validation

    RepeatedWork training_work_, validation_work_;
    int cuts_used_, started_ = 0;
};

}  // namespace normact::proxy_tasks
