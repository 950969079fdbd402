#include "primitives/fingerprint.h"

#define XXH_INLINE_ALL
#include "primitives/definitions.h"
#include "primitives/generator.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <limits>

namespace normact::primitives {
namespace {

// The shape of a probe: no two index sets hold the same values.
constexpr std::size_t images = probe_images, channels = probe_channels, groups = 2, plane = probe_pixels;
constexpr std::size_t planes = images * channels;
constexpr double epsilon = LayerSettings{}.epsilon;

// max(v0, std_batch(x)) is std_batch(x) wherever v0 is small: one size of numbers would merge such layers. So there are
// several probes, whose x and v0, v1 are small and large beside each other.
enum class Sign : std::uint8_t { mixed, positive, negative };

struct Setting {
    double x_size, v_size;
    Sign v_sign;
};
// Pairs share their v0 and v1: if the outputs of a pair differ, they depend on x.
constexpr std::array settings{
    Setting{1.0, 1.0, Sign::mixed},    Setting{0.2, 1.0, Sign::mixed},      //
    Setting{0.5, 2.5, Sign::positive}, Setting{0.05, 2.5, Sign::positive},  //
    Setting{1.0, 0.3, Sign::mixed},    Setting{0.1, 0.3, Sign::mixed},      //
    Setting{0.3, 1.0, Sign::negative}, Setting{3.0, 1.0, Sign::negative},
};
constexpr std::size_t probes = settings.size();

/// The probes that tell whether a layer is finite: x of size 1, between -3.4 and 2, and as large as inputs of a layer
/// commonly get, between -5 and 5.2.
constexpr std::array telling_finite{std::size_t{0}, std::size_t{7}};

/// The sign of v0 (which = 0) or v1 (which = 1) in a channel: if mixed, each channel has another combination.
constexpr double sign_of(Sign sign, std::size_t which, std::size_t channel) {
    if (sign == Sign::mixed) return (channel >> which & 1) == 0 ? 1.0 : -1.0;
    return sign == Sign::positive ? 1.0 : -1.0;
}

/// A value for each element of the probe, [image][channel][pixel].
struct Values {
    std::array<double, planes * plane> data;

    double& at(std::size_t plane_index, std::size_t pixel) { return data[plane_index * plane + pixel]; }
    double at(std::size_t plane_index, std::size_t pixel) const { return data[plane_index * plane + pixel]; }
};

template <typename Function>
Values map(Function function) {
    Values result;
    for (std::size_t i = 0; i < result.data.size(); ++i) result.data[i] = function(i);
    return result;
}

// What the rows of the moments are written in.
Values operator*(const Values& a, const Values& b) {
    return map([&](std::size_t i) { return a.data[i] * b.data[i]; });
}
Values operator-(const Values& a, const Values& b) {
    return map([&](std::size_t i) { return a.data[i] - b.data[i]; });
}
Values operator+(const Values& a, double b) {
    return map([&](std::size_t i) { return a.data[i] + b; });
}
Values sqrt(const Values& a) {
    return map([&](std::size_t i) { return rows::sqrt(a.data[i]); });
}

/// Which planes share a mean: the same number for planes of one set.
constexpr std::size_t block_of(IndexSet set, std::size_t image, std::size_t channel) {
    switch (set) {
        case IndexSet::batch:
            return channel;
        case IndexSet::layer:
            return image;
        case IndexSet::group:
            return image * groups + channel / (channels / groups);
        default:
            return image * channels + channel;
    }
}

Values mean_over(IndexSet set, const Values& x) {
    std::array<double, planes> sum{};
    std::array<double, planes> count{};
    for (std::size_t p = 0; p < planes; ++p) {
        const std::size_t block = block_of(set, p / channels, p % channels);
        for (std::size_t i = 0; i < plane; ++i) sum[block] += x.at(p, i);
        count[block] += plane;
    }
    Values result;
    for (std::size_t p = 0; p < planes; ++p) {
        const std::size_t block = block_of(set, p / channels, p % channels);
        for (std::size_t i = 0; i < plane; ++i) result.at(p, i) = sum[block] / count[block];
    }
    return result;
}

/// The largest magnitude; infinite if any value is not finite.
double largest(const Values& values) {
    double result = 0.0;
    for (const double value : values.data) {
        const double size = std::abs(value);
        result = size <= std::numeric_limits<double>::max() ? std::max(result, size)
                                                            : std::numeric_limits<double>::infinity();
    }
    return result;
}

/// Computes one node from the values of those before it. Returns the largest magnitude on the way to its result.
using Kernel = double (*)(const Node& node, const Values* values, Values& result);

template <typename Row>
double run_elementwise(const Node& node, const Values* values, Values& result) {
    const Values& a = values[node.inputs[0]];
    const Values& b = values[node.inputs[1]];
    for (std::size_t i = 0; i < result.data.size(); ++i)
        if constexpr (Row::row.arity == 2)
            result.data[i] = Row::value(a.data[i], b.data[i]);
        else
            result.data[i] = Row::value(a.data[i]);
    return largest(result);
}

template <typename Row>
double run_moment(const Node& node, const Values* values, Values& result) {
    const auto mean = [&](const Values& x) { return mean_over(node.over, x); };
    const Values statistic = Row::statistic(values[node.inputs[0]], mean);
    result = Row::value(statistic, epsilon);
    return std::max(largest(statistic), largest(result));  // of rms, the mean of squares is the larger one
}

constexpr std::array<Kernel, rows::count> make_kernels() {
    std::array<Kernel, rows::count> kernels{};
    rows::for_each_elementwise(
        [&]<typename Row>(Row) { kernels[static_cast<std::size_t>(Row::row.op)] = run_elementwise<Row>; });
    rows::for_each_moment([&]<typename Row>(Row) { kernels[static_cast<std::size_t>(Row::row.op)] = run_moment<Row>; });
    return kernels;
}
constexpr std::array<Kernel, rows::count> kernels = make_kernels();

using Inputs = std::array<Values, 4>;  // x, zero, v0, v1

using Channels = std::array<double, channels>;

template <typename Draw>
Channels draw_channels(Draw draw) {
    Channels result;
    for (std::size_t c = 0; c < channels; ++c) result[c] = draw(c);
    return result;
}

std::array<Inputs, probes> make_inputs(std::uint64_t seed) {
    Generator generator(seed);
    const auto between = [&](double low, double high) { return low + (high - low) * uniform_unit(generator); };
    const auto channel = [](std::size_t i) { return i / plane % channels; };
    const auto image = [](std::size_t i) { return i / plane / channels; };
    // The sum of four uniform numbers is close to normal, and the same on every machine.
    const auto bell = [&] {
        double sum = 0.0;
        for (int k = 0; k < 4; ++k) sum += between(-0.75, 0.75);
        return sum;
    };
    std::array<Inputs, probes> inputs;
    Channels v0{}, v1{};
    for (std::size_t k = 0; k < probes; ++k) {
        const Setting& setting = settings[k];
        if (k % 2 == 0) {
            v0 = draw_channels(
                [&](std::size_t c) { return setting.v_size * sign_of(setting.v_sign, 0, c) * between(0.2, 1.7); });
            v1 = draw_channels(
                [&](std::size_t c) { return setting.v_size * sign_of(setting.v_sign, 1, c) * between(0.2, 1.7); });
        }
        const Channels spread = draw_channels([&](std::size_t) { return setting.x_size * between(0.3, 1.5); });
        const Channels offset = draw_channels([&](std::size_t) { return setting.x_size * between(-1.0, 1.0); });
        inputs[k] = {map([&](std::size_t i) {
                         const double image_offset = setting.x_size * 0.3 * (static_cast<double>(image(i)) - 1.0);
                         return offset[channel(i)] + image_offset + spread[channel(i)] * bell();
                     }),
                     map([](std::size_t) { return 0.0; }), map([&](std::size_t i) { return v0[channel(i)]; }),
                     map([&](std::size_t i) { return v1[channel(i)]; })};
    }
    return inputs;
}

/// What a graph makes of one set of inputs.
struct Output {
    Values values;                ///< all NaN if anything on the way is not finite
    double largest_on_way = 0.0;  ///< the largest magnitude of any node, and inside of moments
    bool is_finite() const { return std::isfinite(largest_on_way); }
};

/// Runs one graph on many inputs.
class Runner {
  public:
    explicit Runner(const LayerGraph& graph) : graph_(graph), live_(live_nodes(graph)), values_(graph.nodes.size()) {}

    Output operator()(const Inputs& inputs) {
        double largest_on_way = 0.0;
        for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
            const Node& node = graph_.nodes[i];
            if (!live_[i]) continue;
            if (primitive(node.op).kind == Kind::initial) {
                values_[i] = inputs[static_cast<std::size_t>(node.op)];
                continue;
            }
            const Kernel run = kernels[static_cast<std::size_t>(node.op)];
            largest_on_way = std::max(largest_on_way, run(node, values_.data(), values_[i]));
            if (!std::isfinite(largest_on_way))
                return {map([](std::size_t) { return std::numeric_limits<double>::quiet_NaN(); }), largest_on_way};
        }
        return {values_.back(), largest_on_way};
    }

  private:
    const LayerGraph& graph_;
    std::vector<bool> live_;
    std::vector<Values> values_;
};

Values rounded(const Values& values) {
    return map([&](std::size_t i) { return primitives::rounded(values.data[i]); });
}

/// True if some channel holds two values: only x can bring that about.
bool varies_within_a_channel(const Values& values) {
    for (std::size_t p = 0; p < planes; ++p)
        for (std::size_t i = 0; i < plane; ++i)
            if (values.at(p, i) != values.at(p % channels, 0)) return true;
    return false;
}

bool depends_on_x(const std::array<Output, probes>& outputs) {
    for (std::size_t k = 0; k < probes; k += 2) {
        const Output &first = outputs[k], &second = outputs[k + 1];
        if (first.is_finite() && varies_within_a_channel(first.values)) return true;
        if (second.is_finite() && varies_within_a_channel(second.values)) return true;
        const bool both_finite = first.is_finite() && second.is_finite();
        if (both_finite && first.values.data != second.values.data) return true;  // as of a batch moment
    }
    return false;
}

}  // namespace

double rounded(double value) {
    if (std::isnan(value)) return std::numeric_limits<double>::quiet_NaN();
    if (std::isinf(value)) return value;
    // Added to a number below 2^16, this leaves no bit below 2^-34; such bits of larger ones fall to the second step.
    constexpr double coarse = 0x1.8p18;
    if (std::abs(value) < 0x1p16) value = (value + coarse) - coarse;
    constexpr int dropped = 52 - 25;  // of the 52 bits after the leading one
    constexpr std::uint64_t half = std::uint64_t{1} << (dropped - 1);
    const std::uint64_t bits = (std::bit_cast<std::uint64_t>(value) + half) >> dropped << dropped;
    return std::bit_cast<double>(bits) + 0.0;
}

std::vector<double> probe_values(const LayerGraph& graph, std::uint64_t seed) {
    Runner run(graph);
    std::vector<double> values;
    for (const Inputs& inputs : make_inputs(seed)) {
        const Values output = run(inputs).values;
        values.insert(values.end(), output.data.begin(), output.data.end());
    }
    return values;
}

Probe probe(const LayerGraph& graph) {
    static const std::array<Inputs, probes> inputs = make_inputs(1);
    Runner run(graph);
    std::array<Output, probes> outputs;
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    for (std::size_t k = 0; k < probes; ++k) {
        outputs[k] = run(inputs[k]);
        outputs[k].values = rounded(outputs[k].values);
        XXH3_128bits_update(&state, outputs[k].values.data.data(), sizeof outputs[k].values.data);
    }
    const XXH128_hash_t hash = XXH3_128bits_digest(&state);
    const bool finite = std::ranges::all_of(
        telling_finite, [&](std::size_t k) { return outputs[k].largest_on_way <= std::numeric_limits<float>::max(); });
    return {.finite = finite, .depends_on_x = depends_on_x(outputs), .fingerprint = {hash.high64, hash.low64}};
}

}  // namespace normact::primitives
