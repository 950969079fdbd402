#pragma once

#include "primitives/primitive.h"

#include <cstdint>

namespace normact::evaluator {

/// Along which of its dimensions a value differs: a set of the four below. What differs along channels differs along
/// groups too. A value without pixels is small: one number a plane (n,c) at most.
class Extent {
  public:
    constexpr Extent() = default;

    static constexpr Extent constant() { return Extent(0); }
    static constexpr Extent channels() { return Extent(group | channel); }
    static constexpr Extent planes() { return Extent(image | group | channel); }
    static constexpr Extent full() { return Extent(image | group | channel | pixel); }

    constexpr bool has_images() const { return (bits_ & image) != 0; }
    constexpr bool has_groups() const { return (bits_ & group) != 0; }
    constexpr bool has_channels() const { return (bits_ & channel) != 0; }
    constexpr bool has_pixels() const { return (bits_ & pixel) != 0; }

    /// What stays of it after a mean over the set.
    constexpr Extent mean_over(primitives::IndexSet set) const { return Extent(bits_ & kept_by(set)); }
    /// True if it is the same on all elements of each set.
    constexpr bool is_constant_on(primitives::IndexSet set) const { return (bits_ & ~kept_by(set)) == 0; }

    /// What an elementwise operation makes of two values.
    friend constexpr Extent operator|(Extent a, Extent b) { return Extent(a.bits_ | b.bits_); }
    friend constexpr bool operator==(Extent, Extent) = default;

  private:
    enum : std::uint8_t { image = 1, group = 2, channel = 4, pixel = 8 };
    explicit constexpr Extent(int bits) : bits_(static_cast<std::uint8_t>(bits)) {}

    static constexpr int kept_by(primitives::IndexSet set) {
        switch (set) {
            case primitives::IndexSet::batch:
                return group | channel;
            case primitives::IndexSet::instance:
                return image | group | channel;
            case primitives::IndexSet::layer:
                return image;
            case primitives::IndexSet::group:
                return image | group;
            case primitives::IndexSet::none:
                break;
        }
        return image | group | channel | pixel;
    }

    std::uint8_t bits_ = 0;
};

}  // namespace normact::evaluator
