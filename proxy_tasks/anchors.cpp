#include "proxy_tasks/anchors.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace normact::proxy_tasks {
namespace {

int round_width(double width) {
    const int rounded = std::max(8, static_cast<int>(width + 4) / 8 * 8);
    return rounded < 0.9 * width ? rounded + 8 : rounded;
}

Anchor renamed(Anchor anchor, std::string name) {
    anchor.name = std::move(name);
    return anchor;
}

/// The paper's size: narrower, and for 32×32 images, so that 4×4 pixels are left before the pooling.
Anchor paper_size(const Anchor& full, double width, std::string name) {
    return renamed(unstrided(scaled(full, width), 2), std::move(name));
}

// arXiv 1603.05027 on the widths of ResNet-50 (1512.03385).
Anchor resnet_50() {
    return {.name = "resnet-50",
            .block = Block::bottleneck,
            .stem = {.channels = 64, .kernel = 7, .stride = 2, .max_pool = true},
            .stages = {{3, 256, 1, 4}, {4, 512, 2, 4}, {6, 1024, 2, 4}, {3, 2048, 2, 4}}};
}

// arXiv 1801.04381, table 2.
Anchor mobilenet_v2() {
    return {
        .name = "mobilenet-v2",
        .block = Block::inverted,
        .stem = {.channels = 32, .stride = 2},
        .stages =
            {{1, 16, 1, 1}, {2, 24, 2, 6}, {3, 32, 2, 6}, {4, 64, 2, 6}, {3, 96, 1, 6}, {3, 160, 2, 6}, {1, 320, 1, 6}},
        .head = 1280,
        .affine_projection = true};
}

// arXiv 1905.11946, table 1.
Anchor efficientnet_b0() {
    return {.name = "efficientnet-b0",
            .block = Block::inverted,
            .stem = {.channels = 32, .stride = 2},
            .stages = {{1, 16, 1, 1, 3},
                       {2, 24, 2, 6, 3},
                       {2, 40, 2, 6, 5},
                       {3, 80, 2, 6, 3},
                       {3, 112, 1, 6, 5},
                       {4, 192, 2, 6, 5},
                       {1, 320, 1, 6, 3}},
            .head = 1280,
            .squeeze = 0.25,
            .gate = Gate::silu,
            .affine_projection = true};
}

// arXiv 1409.1556, configuration D, without its three fully connected layers and the pooling before them.
Anchor vgg_16() {
    return {.name = "vgg-16",
            .block = Block::plain,
            .stem = {.channels = 64},
            .stages = {{1, 64}, {2, 128, 2}, {3, 256, 2}, {3, 512, 2}, {3, 512, 2}}};
}

/// 4×4 pixels of 32×32 are left: the last pooling is dropped.
Anchor vgg_16_half() {
    Anchor anchor = renamed(scaled(vgg_16(), 0.5), "vgg-16-half");
    anchor.stages.back().stride = 1;
    return anchor;
}

// arXiv 2201.03545, ConvNeXt-T.
Anchor convnext_t() {
    return {.name = "convnext-t",
            .block = Block::convnext,
            .stem = {.channels = 96, .kernel = 4, .stride = 4},
            .stages = {{3, 96, 1, 4, 7}, {3, 192, 2, 4, 7}, {9, 384, 2, 4, 7}, {3, 768, 2, 4, 7}}};
}

/// 2×2 pixels of 32×32 are left: patches of 2×2.
Anchor convnext_t_half() {
    Anchor anchor = renamed(scaled(convnext_t(), 0.5), "convnext-t-half");
    anchor.stem.kernel = anchor.stem.stride = 2;
    return anchor;
}

Anchor mobilenet_v2_half() {
    Anchor anchor = paper_size(mobilenet_v2(), 0.5, "mobilenet-v2-half");
    anchor.head = mobilenet_v2().head;  // multipliers below 1 leave the last convolution's width (1801.04381, 6.1)
    return anchor;
}

const std::vector<Stage> tiny_inverted{{1, 8, 2, 1}, {1, 16, 1, 4}, {2, 16, 2, 4}, {2, 32, 2, 4}};
const std::vector<Stage> micro_inverted{{1, 8, 1, 1}, {1, 16, 2, 4}, {1, 24, 2, 4}};

std::vector<Anchor> make_anchors() {
    return {
        resnet_50(),
        mobilenet_v2(),
        efficientnet_b0(),
        vgg_16(),
        convnext_t(),
        // The paper's size, for 32×32 images.
        paper_size(resnet_50(), 0.25, "resnet-50-quarter"),
        mobilenet_v2_half(),
        paper_size(efficientnet_b0(), 0.5, "efficientnet-b0-half"),
        vgg_16_half(),
        convnext_t_half(),
        // For a laptop.
        {.name = "resnet-tiny", .stem = {16}, .stages = {{1, 16, 1}, {1, 32, 2}, {1, 64, 2}}},
        {.name = "mobilenet-tiny", .block = Block::inverted, .stem = {16}, .stages = tiny_inverted},
        {.name = "efficientnet-tiny", .block = Block::inverted, .stem = {16}, .stages = tiny_inverted, .squeeze = 0.25},
        {.name = "vgg-tiny", .block = Block::plain, .stem = {16}, .stages = {{1, 16, 1}, {2, 32, 2}, {2, 64, 2}}},
        {.name = "convnext-tiny",
         .block = Block::convnext,
         .stem = {16, 2, 2},
         .stages = {{1, 16, 1, 4, 7}, {1, 32, 2, 4, 7}, {1, 64, 2, 4, 7}}},
        // Images with masks: arXiv 1505.04597 with a quarter of its widths, and a small one.
        {.name = "unet-quarter",
         .block = Block::plain,
         .stem = {16},
         .stages = {{1, 16}, {2, 32, 2}, {2, 64, 2}, {2, 128, 2}, {2, 256, 2}},
         .task = Task::segmentation},
        {.name = "unet-tiny",
         .block = Block::plain,
         .stem = {16},
         .stages = {{1, 16}, {1, 32, 2}, {1, 64, 2}},
         .task = Task::segmentation},
        // Generators: arXiv 1511.06434 with half of the widths that 1802.05957 has for 32×32, and a small one.
        {.name = "dcgan-half",
         .block = Block::plain,
         .stem = {256},
         .stages = {{1, 128, 2}, {1, 64, 2}, {1, 32, 2}},
         .task = Task::generation},
        {.name = "dcgan-tiny",
         .block = Block::plain,
         .stem = {64},
         .stages = {{1, 32, 2}, {1, 32, 2}, {1, 16, 2}},
         .task = Task::generation},
        // For tests and a first look: a stem of stride 2 makes all that follows four times cheaper.
        {.name = "resnet-micro", .stem = {8, 3, 2}, .stages = {{1, 16, 1}, {1, 32, 2}}},
        {.name = "mobilenet-micro", .block = Block::inverted, .stem = {8, 3, 2}, .stages = micro_inverted},
        {.name = "efficientnet-micro",
         .block = Block::inverted,
         .stem = {8, 3, 2},
         .stages = micro_inverted,
         .squeeze = 0.25},
    };
}

}  // namespace

Anchor scaled(Anchor anchor, double width) {
    const auto scale = [width](int& channels) { channels = round_width(channels * width); };
    scale(anchor.stem.channels);
    for (Stage& stage : anchor.stages) scale(stage.channels);
    if (anchor.head > 0) scale(anchor.head);
    return anchor;
}

Anchor unstrided(Anchor anchor, int count) {
    const auto flatten = [&count](int& stride) {
        if (stride == 2 && count > 0) {
            stride = 1;
            --count;
        }
    };
    flatten(anchor.stem.stride);
    for (Stage& stage : anchor.stages) flatten(stage.stride);
    return anchor;
}

std::string_view measure_of(const Anchor& anchor) {
    switch (anchor.task) {
        case Task::segmentation:
            return "mean IoU";
        case Task::generation:
            return "Fréchet closeness";
        default:
            return "accuracy";
    }
}

std::span<const Anchor> anchors() {
    static const std::vector<Anchor> all = make_anchors();
    return all;
}

const Anchor& find_anchor(std::string_view name) {
    const auto all = anchors();
    const auto found = std::ranges::find(all, name, &Anchor::name);
    if (found != all.end()) return *found;
    std::string known;
    for (const Anchor& anchor : all) known += (known.empty() ? "" : ", ") + anchor.name;
    throw std::invalid_argument("unknown anchor '" + std::string(name) + "'; the anchors are " + known);
}

}  // namespace normact::proxy_tasks
