#include "evaluator/lowering.h"

#include "evaluator/symbol.h"
#include "primitives/definitions.h"

#include <stdexcept>
#include <string>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;
using primitives::LayerGraph;
using primitives::Node;
using primitives::Op;
namespace rows = primitives::rows;

class Lowering {
  public:
    Lowering(const LayerGraph& graph, double epsilon, bool training)
        : graph_(graph), epsilon_(epsilon), training_(training), live_(primitives::live_nodes(graph)) {}

    Program run() {
        const Symbol x = input("x", Extent::full());
        x_ = x;
        if (primitives::uses(graph_, Op::v0)) v0_ = input("v0", Extent::channels());
        if (primitives::uses(graph_, Op::v1)) v1_ = input("v1", Extent::channels());
        const Symbol gamma = input("gamma", Extent::channels());
        const Symbol beta = input("beta", Extent::channels());
        for (std::size_t position = 0; position < graph_.nodes.size(); ++position) {
            values_.push_back(live_[position] ? value(graph_.nodes[position]) : Symbol{&builder_, 0});
            if (graph_.nodes[position].over == IndexSet::batch) ++average_;
        }
        const Symbol y = values_.back() * gamma + beta;
        builder_.output({.name = "y", .value = y.id});
        for (ProgramOutput& statistic : statistics_) builder_.output(std::move(statistic));
        return builder_.take();
    }

  private:
    Symbol input(std::string name, Extent extent) {
        return {&builder_, builder_.input({.name = std::move(name), .extent = extent})};
    }

    Symbol value(const Node& node) {
        switch (primitives::primitive(node.op).kind) {
            case primitives::Kind::initial:
                return initial(node.op);
            case primitives::Kind::elementwise:
                return elementwise(node);
            case primitives::Kind::moment:
                return moment(node);
        }
        throw std::logic_error("lowering: a primitive of unknown kind");
    }

    Symbol initial(Op op) {
        if (op == Op::x) return x_;
        if (op == Op::v0) return v0_;
        if (op == Op::v1) return v1_;
        return {&builder_, builder_.constant(0)};
    }

    Symbol elementwise(const Node& node) {
        Symbol result = x_;
        rows::for_each_elementwise([&]<typename Row>(Row) {
            if (Row::row.op != node.op) return;
            if constexpr (Row::row.arity == 2)
                result = Row::value(values_[node.inputs[0]], values_[node.inputs[1]]);
            else
                result = Row::value(values_[node.inputs[0]]);
        });
        return result;
    }

    Symbol moment(const Node& node) {
        Symbol result = x_;
        rows::for_each_moment([&]<typename Row>(Row) {
            if (Row::row.op != node.op) return;
            const auto statistic = [&] {
                return Row::statistic(values_[node.inputs[0]], [&](Symbol a) { return mean(node.over, a); });
            };
            result = Row::value(node.over == IndexSet::batch ? averaged(statistic) : statistic(), epsilon_);
        });
        return result;
    }

    /// The statistic of a batch moment: its moving average follows it while training and stands in at evaluation.
    template <typename Statistic>
    Symbol averaged(const Statistic& statistic) {
        if (!training_) return input("average " + std::to_string(average_), Extent::channels());
        const Symbol result = statistic();
        statistics_.push_back(
            {.name = "statistic " + std::to_string(average_), .value = result.id, .form = ProgramOutput::Form::table});
        return result;
    }

    const LayerGraph& graph_;
    double epsilon_;
    bool training_;
    std::vector<bool> live_;
    ProgramBuilder builder_;
    Symbol x_{}, v0_{}, v1_{};
    std::vector<Symbol> values_;
    std::vector<ProgramOutput> statistics_;
    int average_ = 0;  // the number of the next moving average, those of dead nodes included
};

}  // namespace

Program lower(const LayerGraph& graph, double epsilon, bool training) {
    return Lowering(graph, epsilon, training).run();
}

}  // namespace normact::evaluator
