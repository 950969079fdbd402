#pragma once

#include "proxy_tasks/blocks.h"

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <vector>

namespace normact::proxy_tasks {

/// An encoder-decoder like U-Net (arXiv 1505.04597), the layer under search after each convolution. Encoder: stem, then
/// one level a stage, with 2×2 max-pooling before it where its stride is 2. Decoder, the deepest level first: features
/// enlarged to the next level's size by repetition (U-Net has transposed convolutions), that level's features beside
/// them, and as many convolutions as the level has. Padded, so that [N,in,H,W] becomes [N,channels,H,W] with the
/// channels of the first stage, for any H and W that the poolings leave a pixel of.
class UNetImpl : public torch::nn::Module {
  public:
    UNetImpl(const Anchor& anchor, std::int64_t input_channels, const MakeLayer& layer);

    at::Tensor forward(const at::Tensor& images);

  private:
    std::vector<torch::nn::Sequential> encoder_, decoder_;  // the shallowest level first; the decoder lacks the deepest
};
TORCH_MODULE(UNet);

}  // namespace normact::proxy_tasks
