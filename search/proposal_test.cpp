#include "search/proposal.h"

#include "primitives/canonical.h"
#include "primitives/catalogue.h"
#include "primitives/fingerprint.h"
#include "search/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace normact::search {
namespace {

const primitives::Space space = primitives::paper_space(true);

Population ten_members() {
    Population population(0);
    for (int id = 1; id <= 10; ++id) population.add(member(id, {0.1 * id}));
    return population;
}

std::map<std::string, int> count_origins(const EvolutionSettings& evolution, const Population& population, int draws) {
    Generator generator(30);
    std::map<std::string, int> origins;
    for (int i = 0; i < draws; ++i) ++origins[propose(generator, space, evolution, population).origin];
    return origins;
}

TEST(Proposal, is_canonical_named_and_probed) {
    Generator generator(31);
    for (int i = 0; i < 500; ++i) {
        const auto proposal = propose(generator, space, {}, ten_members());
        EXPECT_EQ(proposal.graph, primitives::canonical(proposal.graph));
        EXPECT_EQ(proposal.hash, primitives::hash(proposal.graph));
        const auto probe = primitives::probe(proposal.graph);
        EXPECT_EQ(proposal.fingerprint, probe.fingerprint);
        EXPECT_EQ(proposal.invalid.empty(), probe.finite && probe.depends_on_x);
    }
}

TEST(Proposal, says_in_words_why_it_is_invalid) {
    EXPECT_EQ(propose_initial("x/zero").invalid, "not finite");
    EXPECT_EQ(propose_initial("v0*v1").invalid, "does not depend on x");
    EXPECT_EQ(propose_initial("x").invalid, "");
}

TEST(Proposal, is_random_with_the_share_that_is_set) {
    EvolutionSettings evolution;
    evolution.random_share = 0.3;
    auto origins = count_origins(evolution, ten_members(), 5000);
    EXPECT_NEAR(origins["random"], 1500, rare_deviation(5000, 0.3));
    EXPECT_EQ(origins["random"] + origins["mutation"], 5000);
}

TEST(Proposal, is_always_random_in_random_search_and_never_in_regularized_evolution) {
    EvolutionSettings evolution;
    evolution.random_share = 1;
    EXPECT_EQ(count_origins(evolution, ten_members(), 300)["random"], 300);
    evolution.random_share = 0;
    EXPECT_EQ(count_origins(evolution, ten_members(), 300)["mutation"], 300);
}

TEST(Proposal, is_random_until_the_population_is_warm) {
    EvolutionSettings evolution;
    evolution.random_share = 0;
    EXPECT_EQ(count_origins(evolution, Population(0), 100)["random"], 100);
    evolution.warm_up = 11;
    EXPECT_EQ(count_origins(evolution, ten_members(), 100)["random"], 100);
    evolution.warm_up = 10;
    EXPECT_EQ(count_origins(evolution, ten_members(), 100)["mutation"], 100);
}

TEST(Proposal, names_the_tournaments_winner_as_its_parent) {
    EvolutionSettings evolution;
    evolution.random_share = 0;
    evolution.tournament = 1;
    Generator generator(32);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(propose(generator, space, evolution, ten_members()).parent, 10);
    evolution.random_share = 1;
    EXPECT_EQ(propose(generator, space, evolution, ten_members()).parent, std::nullopt);
}

TEST(Proposal, of_an_initial_layer_takes_names_and_text_forms) {
    const auto& graph = primitives::find_in_catalogue("EvoNorm-S0")->layer.graph;
    const auto named = propose_initial("evonorm-s0");
    EXPECT_EQ(named.hash, primitives::hash(graph));
    EXPECT_EQ(named.origin, "evonorm-s0");
    EXPECT_EQ(named.parent, std::nullopt);
    EXPECT_EQ(propose_initial("x*sigmoid(v1*x)/std_group(x)").fingerprint, named.fingerprint);
    EXPECT_THROW(propose_initial("EvoNorm-S17"), primitives::InvalidGraph);
}

}  // namespace
}  // namespace normact::search
