#include "proxy_tasks/synthetic.h"

#include "primitives/generator.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace normact::proxy_tasks {
namespace {

constexpr int side = 32, channels = 3, directions = 5, classes = 2 * directions;
constexpr std::array cycles{3.0, 6.0};  // a grating's periods across the image

double uniform(Generator& generator, double low, double high) { return low + (high - low) * uniform_unit(generator); }

void draw_image(Generator& generator, std::int64_t label, std::uint8_t* pixel) {
    // Directions from 0 to 90 degrees alone: mirroring maps no class onto another one.
    const double angle = std::numbers::pi / 2 * static_cast<double>(label % directions) / (directions - 1);
    const double frequency = 2 * std::numbers::pi * cycles[label / directions] / side;
    const double mirror = uniform_below(generator, 2) == 0 ? 1.0 : -1.0;
    const double phase = uniform(generator, 0, 2 * std::numbers::pi);
    for (int c = 0; c < channels; ++c) {
        const double contrast = uniform(generator, 10, 50);
        const double brightness = uniform(generator, 100, 156);
        for (int y = 0; y < side; ++y)
            for (int x = 0; x < side; ++x) {
                const double along = mirror * std::cos(angle) * x + std::sin(angle) * y;
                const double noise = uniform(generator, -50, 50);
                const double value = brightness + contrast * std::sin(frequency * along + phase) + noise;
                *pixel++ = static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
            }
    }
}

Images draw_images(std::uint64_t seed, std::int64_t count) {
    Generator generator(seed);
    Images images{at::empty({count, channels, side, side}, at::kByte), at::empty({count}, at::kLong)};
    auto* pixel = images.pixels.mutable_data_ptr<std::uint8_t>();
    auto* label = images.labels.mutable_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < count; ++i) {
        label[i] = static_cast<std::int64_t>(uniform_below(generator, classes));
        draw_image(generator, label[i], pixel + i * channels * side * side);
    }
    return images;
}

}  // namespace

Dataset load_synthetic(const DatasetSettings&) { return split("synthetic", classes, draw_images(1, 5000), 4000); }

Images load_synthetic_test(const DatasetSettings&) { return draw_images(2, 1000); }

}  // namespace normact::proxy_tasks
