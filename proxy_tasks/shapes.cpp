#include "proxy_tasks/shapes.h"

#include "primitives/generator.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <ranges>

namespace normact::proxy_tasks {
namespace {

constexpr int side = 32, channels = 3, shapes = 4, classes = 1 + shapes;

double uniform(Generator& generator, double low, double high) { return low + (high - low) * uniform_unit(generator); }

/// A grating between two colors.
struct Texture {
    double angle, frequency;
    std::array<double, channels> color, other;

    /// Darkest and brightest color, least frequency.
    Texture(Generator& generator, double dark, double bright, double least)
        : angle(uniform(generator, 0, std::numbers::pi)),
          frequency(uniform(generator, least, least + 0.4)),
          color(),
          other() {
        for (double& value : color) value = uniform(generator, dark, bright);
        for (int c = 0; c < channels; ++c) other[c] = color[c] + uniform(generator, -40, 40);
    }

    double at(int channel, double x, double y) const {
        const double share = 0.5 + 0.5 * std::sin(frequency * (x * std::cos(angle) + y * std::sin(angle)));
        return color[channel] + share * (other[channel] - color[channel]);
    }
};

struct Shape {
    std::uint8_t label;  ///< 1 disk, 2 square, 3 triangle, 4 cross
    double x, y, radius, angle;
    Texture texture;

    explicit Shape(Generator& generator)
        : label(static_cast<std::uint8_t>(1 + uniform_below(generator, shapes))),
          x(uniform(generator, 2, side - 2)),
          y(uniform(generator, 2, side - 2)),
          radius(uniform(generator, 5, 10)),
          angle(uniform(generator, 0, 2 * std::numbers::pi)),
          texture(generator, 110, 225, 0.3 + 0.4 * label) {}

    bool covers(int column, int row) const {
        const double dx = (column - x) / radius, dy = (row - y) / radius;
        const double u = dx * std::cos(angle) + dy * std::sin(angle), v = dy * std::cos(angle) - dx * std::sin(angle);
        switch (label) {
            case 1:
                return u * u + v * v <= 0.8;
            case 2:
                return std::max(std::abs(u), std::abs(v)) <= 0.75;
            case 3:
                return v >= -0.5 && v + std::numbers::sqrt3 * std::abs(u) <= 1;
            default:
                return std::min(std::abs(u), std::abs(v)) <= 0.3 && std::max(std::abs(u), std::abs(v)) <= 1;
        }
    }
};

void draw_image(Generator& generator, std::uint8_t* pixel, std::uint8_t* mask) {
    const Texture background(generator, 30, 120, 0.3);
    std::vector<Shape> drawn;
    for (std::uint64_t left = 1 + uniform_below(generator, 3); left > 0; --left) drawn.emplace_back(generator);
    for (int row = 0; row < side; ++row) {
        for (int column = 0; column < side; ++column) {
            const auto upside_down = std::views::reverse(drawn);
            const auto top =
                std::ranges::find_if(upside_down, [&](const Shape& shape) { return shape.covers(column, row); });
            const Texture& texture = top == upside_down.end() ? background : top->texture;
            mask[row * side + column] = top == upside_down.end() ? std::uint8_t{0} : top->label;
            for (int c = 0; c < channels; ++c) {
                const double value = texture.at(c, column, row) + uniform(generator, -20, 20);
                pixel[(c * side + row) * side + column] =
                    static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
            }
        }
    }
}

Images draw_images(std::uint64_t seed, std::int64_t count) {
    Generator generator(seed);
    Images images{at::empty({count, channels, side, side}, at::kByte), at::empty({count, side, side}, at::kByte)};
    auto* pixels = images.pixels.mutable_data_ptr<std::uint8_t>();
    auto* masks = images.labels.mutable_data_ptr<std::uint8_t>();
    for (std::int64_t i = 0; i < count; ++i)
        draw_image(generator, pixels + i * channels * side * side, masks + i * side * side);
    return images;
}

}  // namespace

Dataset load_shapes(const DatasetSettings&) { return split("shapes", classes, draw_images(1, 2500), 2000); }

Images load_shapes_test(const DatasetSettings&) { return draw_images(2, 500); }

}  // namespace normact::proxy_tasks
