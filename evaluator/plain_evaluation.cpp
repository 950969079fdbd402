#include "evaluator/plain_evaluation.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>
#include <tuple>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;
using primitives::Node;
using primitives::Op;

int number_of_groups(int channels, int wanted) {
    int groups = std::min(wanted, channels);
    while (channels % groups != 0) --groups;
    return groups;
}

/// Elements with equal keys belong to one mean.
std::pair<int, int> key(IndexSet set, int n, int c, int channels, int groups) {
    switch (set) {
        case IndexSet::batch:
            return {0, c};
        case IndexSet::instance:
            return {n, c};
        case IndexSet::layer:
            return {n, 0};
        case IndexSet::group:
            return {n, c / (channels / groups)};
        case IndexSet::none:
            break;
    }
    throw std::logic_error("no index set");
}

class Evaluation {
  public:
    Evaluation(const primitives::LayerGraph& graph, const primitives::LayerSettings& settings, const PlainTensor& x,
               const PlainParameters& parameters, const std::vector<std::vector<double>>* averages)
        : graph_(graph), settings_(settings), x_(x), parameters_(parameters), averages_(averages) {}

    PlainEvaluation run() {
        for (const Node& node : graph_.nodes)
            values_.push_back(node.over == IndexSet::none ? pointwise(node) : moment(node));
        PlainTensor output = values_.back();
        for_each_index(output, [&](int n, int c, int h, int w) {
            output.at(n, c, h, w) = output.at(n, c, h, w) * parameters_.gamma[c] + parameters_.beta[c];
        });
        return {std::move(output), distance_, std::move(statistics_)};
    }

  private:
    double near_kink(double distance) {
        distance_ = std::min(distance_, std::abs(distance));
        return distance;
    }

    double apply(Op op, double x, double a, double b, int c) {
        switch (op) {
            case Op::x:
                return x;
            case Op::zero:
                return 0.0;
            case Op::v0:
                return parameters_.v0[c];
            case Op::v1:
                return parameters_.v1[c];
            case Op::add:
                return a + b;
            case Op::mul:
                return a * b;
            case Op::div:
                return a / near_kink(b);
            case Op::max:
                near_kink(a - b);
                return std::max(a, b);
            case Op::neg:
                return -a;
            case Op::abs:
                return std::fabs(near_kink(a));
            case Op::square:
                return a * a;
            case Op::sqrt:
                near_kink(a);
                return a < 0 ? -std::sqrt(-a) : std::sqrt(a);
            case Op::log:
                near_kink(a);
                return a == 0 ? 0 : a < 0 ? -std::log(-a) : std::log(a);
            case Op::exp:
                return std::exp(a);
            case Op::sigmoid:
                return 1 / (1 + std::exp(-a));
            case Op::tanh:
                return std::tanh(a);
            default:
                throw std::logic_error("plain evaluation lacks a primitive: add it here");
        }
    }

    PlainTensor pointwise(const Node& node) {
        PlainTensor y = x_;
        for_each_index(y, [&](int n, int c, int h, int w) {
            const double a = values_.empty() ? 0 : values_[node.inputs[0]].at(n, c, h, w);
            const double b = values_.empty() ? 0 : values_[node.inputs[1]].at(n, c, h, w);
            y.at(n, c, h, w) = apply(node.op, x_.at(n, c, h, w), a, b, c);
        });
        return y;
    }

    PlainTensor means(const PlainTensor& t, IndexSet set) const {
        return plain_mean(set, t, number_of_groups(t.c, settings_.groups));
    }

    PlainTensor moment(const Node& node) {
        PlainTensor inner = values_[node.inputs[0]];
        PlainTensor statistic = means(inner, node.over);
        if (node.op != Op::mean) {
            for_each_index(inner, [&](int n, int c, int h, int w) {
                const double center = node.op == Op::std ? statistic.at(n, c, h, w) : 0.0;
                inner.at(n, c, h, w) = (inner.at(n, c, h, w) - center) * (inner.at(n, c, h, w) - center);
            });
            statistic = means(inner, node.over);
        }
        if (node.over == IndexSet::batch) keep_or_replace(statistic);
        if (node.op != Op::mean)
            for (double& value : statistic.values) value = std::sqrt(value + settings_.epsilon);
        return statistic;
    }

    void keep_or_replace(PlainTensor& statistic) {
        std::vector<double> channels(static_cast<std::size_t>(statistic.c));
        for (int c = 0; c < statistic.c; ++c) channels[c] = statistic.at(0, c, 0, 0);
        statistics_.push_back(channels);
        if (averages_ == nullptr) return;
        const std::vector<double>& average = (*averages_)[statistics_.size() - 1];
        for_each_index(statistic, [&](int n, int c, int h, int w) { statistic.at(n, c, h, w) = average[c]; });
    }

    const primitives::LayerGraph& graph_;
    const primitives::LayerSettings& settings_;
    const PlainTensor& x_;
    const PlainParameters& parameters_;
    const std::vector<std::vector<double>>* averages_;
    std::vector<PlainTensor> values_;
    double distance_ = std::numeric_limits<double>::infinity();
    std::vector<std::vector<double>> statistics_;
};

}  // namespace

void for_each_index(const PlainTensor& t, const std::function<void(int, int, int, int)>& visit) {
    for (int n = 0; n < t.n; ++n)
        for (int c = 0; c < t.c; ++c)
            for (int h = 0; h < t.h; ++h)
                for (int w = 0; w < t.w; ++w) visit(n, c, h, w);
}

PlainTensor plain_mean(IndexSet set, const PlainTensor& t, int groups) {
    std::map<std::pair<int, int>, std::pair<double, int>> sums;
    for_each_index(t, [&](int n, int c, int h, int w) {
        auto& [sum, count] = sums[key(set, n, c, t.c, groups)];
        sum += t.at(n, c, h, w);
        ++count;
    });
    PlainTensor mean = t;
    for_each_index(t, [&](int n, int c, int h, int w) {
        const auto& [sum, count] = sums[key(set, n, c, t.c, groups)];
        mean.at(n, c, h, w) = sum / count;
    });
    return mean;
}

PlainEvaluation evaluate_plainly(const primitives::LayerGraph& graph, const primitives::LayerSettings& settings,
                                 const PlainTensor& x, const PlainParameters& parameters,
                                 const std::vector<std::vector<double>>* averages) {
    return Evaluation(graph, settings, x, parameters, averages).run();
}

}  // namespace normact::evaluator
