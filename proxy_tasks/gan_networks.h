#pragma once

#include "proxy_tasks/blocks.h"

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include <cstdint>

namespace normact::proxy_tasks {

/// How many numbers an image is made of.
inline constexpr std::int64_t latent_numbers = 128;

/// By how much an anchor's stages enlarge: images have this side times a whole number.
int enlargement(const Anchor& anchor);

/// A generator like that of DCGAN (arXiv 1511.06434): a linear map to stem.channels small planes, the layer under
/// search; for each stage the planes enlarged by repetition, a k×k convolution and the layer; a last convolution and
/// tanh. The layer is nowhere else in a GAN here.
class ImageGenerator : public torch::nn::Module {
  public:
    /// side: of the images, a multiple of enlargement(anchor).
    ImageGenerator(const Anchor& anchor, int channels, int side, const MakeLayer& layer);

    /// latents [N,latent_numbers]. Returns [N,channels,side,side], channels_last, in (-1,1).
    at::Tensor forward(const at::Tensor& latents);

    /// Draws all weights from the generator of random numbers alone, scaled so that images start with numbers of about
    /// 1 before tanh.
    void initialize(at::Generator& generator);

  private:
    std::int64_t small_side_;
    torch::nn::Linear start_{nullptr};
    torch::nn::Sequential body_{nullptr};
    torch::nn::Conv2d last_{nullptr};
};

/// Tells real images from generated ones: the generator's stages in reverse as convolutions 4×4 of stride 2, leaky
/// ReLU, a linear map, and every weight divided by its largest singular value (spectral normalization, arXiv
/// 1802.05957, one power iteration a call in training). No layer under search and no batch statistics.
class Discriminator : public torch::nn::Module {
  public:
    Discriminator(const Anchor& anchor, int channels, int side);

    /// images [N,channels,side,side]. Returns [N], above 0 for real ones.
    at::Tensor forward(const at::Tensor& images);

    void initialize(at::Generator& generator);

  private:
    /// A weight with the vector that its power iteration goes on from.
    struct Normalized {
        at::Tensor weight, bias, vector;
        std::int64_t stride;
    };

    void add(std::vector<std::int64_t> shape, std::int64_t stride);
    at::Tensor normalized(Normalized& map) const;

    std::vector<Normalized> convolutions_;
    Normalized last_;
};

}  // namespace normact::proxy_tasks
