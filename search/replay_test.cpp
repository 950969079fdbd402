#include "search/replay.h"

#include "search/proposal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace normact::search {
namespace {

primitives::Space small_space() {
    primitives::Space space = primitives::paper_space(true);
    space.intermediate_nodes = 2;
    return space;
}

/// Everything that 5,000 random graphs compute, with accuracies that mean nothing; every third layer is rejected.
RecordedLayers draw_layers() {
    RecordedLayers layers{{"t/a"}, small_space(), {}};
    Generator generator(5);
    EvolutionSettings random;
    random.random_share = 1;
    const Population nobody(1);
    for (int i = 0; i < 5000; ++i) {
        const auto proposal = propose(generator, layers.space, random, nobody);
        if (!proposal.invalid.empty()) continue;
        const double accuracy = 0.1 + 0.7 * static_cast<double>(proposal.fingerprint.low % 1000) / 1000;
        const bool rejected = proposal.fingerprint.high % 3 == 0;
        layers.records.try_emplace(proposal.fingerprint,
                                   Record{"", rejected ? std::vector<double>{} : std::vector{accuracy}});
    }
    return layers;
}

const RecordedLayers& many_layers() {
    static const RecordedLayers layers = draw_layers();
    return layers;
}

TEST(Replay, looks_each_recorded_function_up_once_and_keeps_the_best) {
    const RecordedLayers& layers = many_layers();
    const Replay run = replay(layers, {}, 1, 200);
    ASSERT_EQ(run.best.size(), 200U);
    EXPECT_TRUE(std::ranges::is_sorted(run.best));
    EXPECT_GT(run.best.back(), 0.5);
    EXPECT_FALSE(run.exhausted);
    EXPECT_GE(run.proposed, 200 + run.invalid + run.unknown);
    EXPECT_GT(run.known_share(), 0.5);
}

TEST(Replay, is_the_same_for_the_same_seed_and_another_for_another) {
    const RecordedLayers& layers = many_layers();
    EXPECT_EQ(replay(layers, {}, 7, 100).best, replay(layers, {}, 7, 100).best);
    EXPECT_NE(replay(layers, {}, 7, 100).best, replay(layers, {}, 8, 100).best);
}

TEST(Replay, that_has_met_everything_ends_and_says_so) {
    RecordedLayers layers{{"t/a"}, small_space(), {}};
    layers.records[propose_initial("max(x, zero)").fingerprint] = {"max(x, zero)", {0.5}};
    layers.records[propose_initial("sigmoid(x)").fingerprint] = {"sigmoid(x)", {}};
    const Replay run = replay(layers, {}, 1, 3);
    EXPECT_TRUE(run.exhausted);
    EXPECT_LT(run.proposed, 50000) << "it ends with the last record";
    EXPECT_EQ(run.best.back(), 0.5);
    EXPECT_GT(run.unknown, 0);
    EXPECT_LT(run.known_share(), 0.5);
}

TEST(Replay, begins_with_the_initial_layers_and_passes_over_those_without_a_record) {
    RecordedLayers layers = many_layers();
    layers.records[propose_initial("max(x, zero)").fingerprint] = {"max(x, zero)", {0.99}};
    EvolutionSettings evolution;
    evolution.initial = {"EvoNorm-S0", "max(x, zero)"};
    EXPECT_EQ(replay(layers, evolution, 1, 5).best.front(), 0.99);
}

/// Where a layer's worth comes from its parts, breeding from good ones must beat drawing at random.
TEST(Replay, shows_that_evolution_beats_random_search_where_relatives_are_alike) {
    RecordedLayers layers = many_layers();
    Generator generator(6);
    EvolutionSettings random;
    random.random_share = 1;
    const Population nobody(1);
    for (int i = 0; i < 5000; ++i) {
        const auto proposal = propose(generator, layers.space, random, nobody);
        const auto record = layers.records.find(proposal.fingerprint);
        if (record == layers.records.end()) continue;
        const auto moments = std::ranges::count_if(proposal.graph.nodes,
                                                   [](const auto& node) { return node.op == primitives::Op::std; });
        const double luck = static_cast<double>(proposal.fingerprint.low % 1000) / 1e4;
        record->second.accuracies = {0.2 + 0.25 * static_cast<double>(moments) + luck};
    }
    EvolutionSettings evolution;
    evolution.random_share = 0;
    evolution.mutations = 1;
    std::vector<double> differences;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        const auto sum = [](const Replay& run) { return std::accumulate(run.best.begin(), run.best.end(), 0.0); };
        differences.push_back(sum(replay(layers, evolution, seed, 60)) - sum(replay(layers, random, seed, 60)));
    }
    const Estimate gain = estimate(differences);
    EXPECT_GT(gain.mean, gain.half_width);
}

TEST(Estimate, is_the_mean_with_an_interval_by_students_distribution) {
    const Estimate found = estimate({1, 2, 3, 4});
    EXPECT_EQ(found.mean, 2.5);
    EXPECT_NEAR(found.half_width, 3.1824463 * 0.6454972, 1e-6);  // √(5/3)/2, three degrees of freedom
    EXPECT_THROW(estimate({}), std::invalid_argument);
    EXPECT_THROW(estimate({1}), std::invalid_argument);
}

}  // namespace
}  // namespace normact::search
