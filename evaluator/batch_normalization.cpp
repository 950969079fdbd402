#include "evaluator/batch_normalization.h"

#include "evaluator/channel_loops.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;
using primitives::LayerGraph;
using primitives::Node;
using primitives::Op;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// How large the value of a node is.
enum class Extent { channels, full, other };

std::vector<Extent> extents(const LayerGraph& graph) {
    std::vector<Extent> extent;
    for (const Node& node : graph.nodes) {
        if (node.op == Op::x) {
            extent.push_back(Extent::full);
        } else if (node.op == Op::v0 || node.op == Op::v1) {
            extent.push_back(Extent::channels);
        } else if (primitives::primitive(node.op).kind != primitives::Kind::elementwise) {
            extent.push_back(Extent::other);
        } else {
            const auto inputs = primitives::inputs_of(node);
            const auto is = [&](Extent wanted) { return [&, wanted](auto input) { return extent[input] == wanted; }; };
            extent.push_back(std::ranges::any_of(inputs, is(Extent::full))       ? Extent::full
                             : std::ranges::all_of(inputs, is(Extent::channels)) ? Extent::channels
                                                                                 : Extent::other);
        }
    }
    return extent;
}

/// Matches a graph against the pattern, from the quotient inwards and then outwards.
class Matcher {
  public:
    explicit Matcher(const LayerGraph& graph) : nodes_(graph.nodes), extent_(extents(graph)), users_(nodes_.size()) {
        for (std::size_t position = 0; position < nodes_.size(); ++position)
            for (const std::size_t input : primitives::inputs_of(nodes_[position])) users_[input].push_back(position);
    }

    std::optional<BatchNormalization> match(std::size_t quotient) const {
        if (nodes_[quotient].op != Op::div) return std::nullopt;
        const auto [numerator, std] = inputs(quotient);
        if (!is_batch(std, Op::std)) return std::nullopt;
        BatchNormalization found{.output = quotient,
                                 .input = inputs(std)[0],
                                 .mean = 0,
                                 .std = std,
                                 .scale = {},
                                 .shift = {},
                                 .settled = {quotient, std}};
        if (extent_[found.input] != Extent::full) return std::nullopt;
        std::size_t centered = numerator;
        if (nodes_[numerator].op == Op::mul) {
            found.scale = channel_input(numerator);
            if (!found.scale) return std::nullopt;
            centered = other_input(numerator, *found.scale);
            found.settled.push_back(numerator);
        }
        if (!match_centered(centered, found) || !is_private(found)) return std::nullopt;
        while (extend(found)) {
        }
        return found;
    }

  private:
    std::array<std::size_t, 2> inputs(std::size_t position) const {
        return {nodes_[position].inputs[0], nodes_[position].inputs[1]};
    }
    bool is_batch(std::size_t position, Op op) const {
        return nodes_[position].op == op && nodes_[position].over == IndexSet::batch;
    }
    std::size_t other_input(std::size_t position, std::size_t input) const {
        return inputs(position)[inputs(position)[0] == input ? 1 : 0];
    }
    std::optional<std::size_t> channel_input(std::size_t position) const {
        for (const std::size_t input : inputs(position))
            if (extent_[input] == Extent::channels) return input;
        return std::nullopt;
    }

    /// Is `position` the sum of the input and its negated mean?
    bool match_centered(std::size_t position, BatchNormalization& found) const {
        if (nodes_[position].op != Op::add) return false;
        for (const std::size_t negated : inputs(position)) {
            if (nodes_[negated].op != Op::neg || other_input(position, negated) != found.input) continue;
            found.mean = inputs(negated)[0];
            if (!is_batch(found.mean, Op::mean) || inputs(found.mean)[0] != found.input) continue;
            found.settled.insert(found.settled.end(), {position, negated, found.mean});
            return true;
        }
        return false;
    }

    /// Is every replaced node but the output used by replaced nodes alone?
    bool is_private(const BatchNormalization& found) const {
        return std::ranges::all_of(found.settled, [&](std::size_t position) {
            return position == found.output || std::ranges::all_of(users_[position], [&](std::size_t user) {
                       return std::ranges::find(found.settled, user) != found.settled.end();
                   });
        });
    }

    /// Takes a following product or sum with a channel's value in, if the output has no other use.
    bool extend(BatchNormalization& found) const {
        if (users_[found.output].size() != 1 || found.shift) return false;
        const std::size_t user = users_[found.output].front();
        const Op op = nodes_[user].op;
        if (op != Op::add && (op != Op::mul || found.scale)) return false;
        const std::optional<std::size_t> factor = channel_input(user);
        if (!factor) return false;
        (op == Op::mul ? found.scale : found.shift) = factor;
        found.output = user;
        found.settled.push_back(user);
        return true;
    }

    const std::vector<Node>& nodes_;
    std::vector<Extent> extent_;
    std::vector<std::vector<std::size_t>> users_;
};

/// The first element of each channel: near enough to the mean that sums of differences from it keep their digits.
at::Tensor first_of_channels(const at::Tensor& y) { return y.as_strided({y.size(1)}, {y.stride(1)}).contiguous(); }

/// What each element counts in the mean of its channel.
double weight_in_batch(const at::Tensor& y) {
    const std::int64_t count = y.numel() / y.size(1);
    return 1.0 / static_cast<double>(count);
}

struct NormalizeBatch : Function<NormalizeBatch> {
    static variable_list forward(AutogradContext* context, const at::Tensor& y, const at::Tensor& scale,
                                 const at::Tensor& shift, double epsilon) {
        const double weight = weight_in_batch(y);
        const at::Tensor first = first_of_channels(y);
        const at::Tensor mean = at::add(first, channel_sums(y, first, y, first).first, weight);
        const auto [differences, squares] = channel_sums(y, mean, y, mean);
        const at::Tensor residual = differences * weight;  // the rounding error of the mean
        const at::Tensor variance = (squares * weight).addcmul_(residual, residual, -1.0).clamp_min_(0.0);
        const at::Tensor inverse_std = (variance + epsilon).rsqrt_();
        const at::Tensor factor = scale * inverse_std;
        const at::Tensor output = channel_map(y, mean, factor, at::addcmul(shift, residual, factor, -1.0));
        context->save_for_backward({y, scale, mean, residual, inverse_std});
        context->saved_data["epsilon"] = epsilon;
        const at::Tensor exact_mean = mean + residual;
        context->mark_non_differentiable({exact_mean, variance});
        return {output, exact_mean, variance};
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        if (at::GradMode::is_enabled())
            return differentiable_backward(gradients[0], saved, context->saved_data["epsilon"].toDouble());
        const auto& [y, scale, mean, residual, inverse_std] =
            std::tie(saved[0], saved[1], saved[2], saved[3], saved[4]);
        const at::Tensor gradient = gradients[0].contiguous(y.suggest_memory_format());
        const double weight = weight_in_batch(y);
        const auto [sum, sum_with_mean] = channel_sums(gradient, at::zeros_like(mean), y, mean);
        // With n = (y - mean - residual)·inverse_std, the gradient in y is
        // scale·inverse_std·(gradient - P(gradient) - n·P(gradient·n)), P being the mean over the batch.
        const at::Tensor in_scale = at::addcmul(sum_with_mean, residual, sum, -1.0).mul_(inverse_std);
        const at::Tensor factor = scale * inverse_std;
        const at::Tensor factor_of_y = (factor * inverse_std).mul_(in_scale).mul_(-weight);
        const at::Tensor offset = (factor * sum).mul_(-weight).addcmul_(residual, factor_of_y, -1.0);
        return {channel_combination(gradient, factor, y, mean, factor_of_y, offset), in_scale, sum, at::Tensor()};
    }

    /// The same by ATen's kernel, which autograd can follow further. A shift of y does not change the function, so the
    /// derivatives at the centered y are those at y.
    static variable_list differentiable_backward(const at::Tensor& gradient, const variable_list& saved,
                                                 double epsilon) {
        const auto& [y, scale, mean, residual, inverse_std] =
            std::tie(saved[0], saved[1], saved[2], saved[3], saved[4]);
        const at::Tensor centered = y - mean.view({1, -1, 1, 1});
        auto [in_y, in_scale, in_shift] =
            at::native_batch_norm_backward(gradient.contiguous(y.suggest_memory_format()), centered, scale, {}, {},
                                           residual, inverse_std, /*train=*/true, epsilon, {true, true, true});
        return {in_y, in_scale, in_shift, at::Tensor()};
    }
};

}  // namespace

std::vector<BatchNormalization> find_batch_normalizations(const LayerGraph& graph) {
    const Matcher matcher(graph);
    std::vector<BatchNormalization> found;
    for (std::size_t position = 0; position < graph.nodes.size(); ++position)
        if (auto match = matcher.match(position)) found.push_back(std::move(*match));
    return found;
}

BatchNormalized normalize_batch(const at::Tensor& y, const at::Tensor& scale, const at::Tensor& shift, double epsilon) {
    variable_list results = NormalizeBatch::apply(y, scale, shift, epsilon);
    return {std::move(results[0]), std::move(results[1]), std::move(results[2])};
}

}  // namespace normact::evaluator
