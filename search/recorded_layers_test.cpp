#include "search/recorded_layers.h"

#include "primitives/text.h"
#include "results/study_file.h"
#include "search/proposal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normact::search {
namespace {

using testing::HasSubstr;

constexpr const char* header = R"({"format": "normact/table", "version": 1, "tasks": ["cifar-10/a", "cifar-10/b"],
"space": {"intermediate_nodes": 3}})";

std::string table(const std::string& lines) {
    std::string first = header;
    std::erase(first, '\n');
    return first + "\n" + lines;
}

std::string refusal(const std::string& text) {
    try {
        parse_table(text);
        return "none";
    } catch (const TableError& error) {
        return error.what();
    }
}

TEST(RecordedLayers, are_read_from_a_table_and_found_by_their_function) {
    const RecordedLayers layers =
        parse_table(table("{\"layer\": \"max(x, zero)\", \"accuracies\": [0.5, 0.25]}\n\n"
                          "{\"layer\": \"x*v0\"}\n"));
    EXPECT_EQ(layers.tasks, (std::vector<std::string>{"cifar-10/a", "cifar-10/b"}));
    EXPECT_EQ(layers.space.intermediate_nodes, 3);
    const Record& relu = layers.records.at(propose_initial("max(zero, x + zero)").fingerprint);
    EXPECT_EQ(relu.accuracies, (std::vector{0.5, 0.25}));
    EXPECT_TRUE(layers.records.at(propose_initial("v0*x").fingerprint).accuracies.empty());
    EXPECT_EQ(parse_table(to_table(layers)), layers);
}

TEST(RecordedLayers, of_a_table_that_makes_no_sense_are_refused_with_the_line) {
    EXPECT_THAT(refusal(""), HasSubstr("no layer"));
    EXPECT_THAT(refusal("{\"layer\": \"x\"}"), HasSubstr("line 1"));
    EXPECT_THAT(refusal(table("")), HasSubstr("no layer"));
    EXPECT_THAT(refusal(table("{\"layer\": \"max(x\"}")), HasSubstr("line 2"));
    EXPECT_THAT(refusal(table("{\"layer\": \"v0*v1\"}")), HasSubstr("does not depend on x"));
    EXPECT_THAT(refusal(table("{\"layer\": \"x\", \"accuracies\": [0.5]}")), HasSubstr("1 accuracies for 2 tasks"));
    EXPECT_THAT(refusal(table("{\"layer\": \"x\", \"accuracies\": [0.5, 1.5]}")), HasSubstr("1.5 is no accuracy"));
    EXPECT_THAT(refusal(table("{\"layer\": \"x\"}\n{\"layer\": \"x + zero\"}")),
                AllOf(HasSubstr("line 3"), HasSubstr("computes the same as x")));
    EXPECT_THAT(refusal(table("what?")), HasSubstr("line 2"));
}

class RecordedLayersOfAStudy : public testing::Test {
  protected:
    RecordedLayersOfAStudy() {
        configuration.scoring.dataset.name = "cifar-10";
        configuration.scoring.anchors = {"a", "b"};
    }

    results::StudyFile study{"{}"};
    const std::unique_ptr<results::Store> store = study.open();
    const results::WorkerId worker = store->add_worker({});
    Configuration configuration;
};

TEST_F(RecordedLayersOfAStudy, are_the_functions_that_it_has_evaluated) {
    const auto propose = [&](const char* layer) {
        const auto proposal = propose_initial(layer);
        store->propose(worker, proposal, results::long_lease);
        return proposal.fingerprint;
    };
    const auto scored = propose("max(x, zero)"), rejected = propose("x*v0"), audited = propose("x*v1");
    propose("max(x + zero, zero)");
    propose("v0*v1");
    propose("sigmoid(x)");
    store->finish(worker, scored, results::scored(0.25, 0.5));
    store->finish(worker, rejected, results::rejected(proxy_tasks::Rejection::quality));
    store->finish(worker, audited, results::audited(proxy_tasks::Rejection::quality, 0.9, 0.9));
    const RecordedLayers layers = recorded_layers(*store, configuration);
    ASSERT_EQ(layers.records.size(), 3U);
    EXPECT_EQ(layers.records.at(scored).accuracies, (std::vector{0.5, 0.25})) << "in the order of the anchors";
    EXPECT_TRUE(layers.records.at(rejected).accuracies.empty());
    EXPECT_TRUE(layers.records.at(audited).accuracies.empty()) << "no search breeds from it";
}

TEST_F(RecordedLayersOfAStudy, are_found_beyond_gaps_between_the_ids) {
    configuration.scoring.anchors = {"a"};
    store->propose(worker, propose_initial("v0*v1"), results::long_lease);
    // A gap, as transactions that fail leave them in PostgreSQL.
    *study.connect() << "UPDATE candidate SET id = id + 5000";
    const auto rejected = propose_initial("x*v0");
    ASSERT_GT(store->propose(worker, rejected, results::long_lease).candidate, 5000);
    store->finish(worker, rejected.fingerprint, results::rejected(proxy_tasks::Rejection::quality));
    EXPECT_TRUE(recorded_layers(*store, configuration).records.contains(rejected.fingerprint));
}

TEST_F(RecordedLayersOfAStudy, whose_scores_are_not_one_accuracy_for_each_anchor_are_refused) {
    const auto relu = propose_initial("max(x, zero)");
    store->propose(worker, relu, results::long_lease);
    store->finish(worker, relu.fingerprint, results::scored(0.25, 0.5));
    EXPECT_EQ(recorded_layers(*store, configuration).records.size(), 1U);
    for (const char* damage : {"UPDATE score SET accuracy = 9e999 WHERE id = 1",
                               "UPDATE score SET accuracy = NULL WHERE id = 1", "DELETE FROM score WHERE id = 1"}) {
        *study.connect() << damage;
        EXPECT_THAT(results::error_of([&] { recorded_layers(*store, configuration); }),
                    HasSubstr("the scores of candidate 1 are not one accuracy for each anchor"))
            << damage;
    }
}

}  // namespace
}  // namespace normact::search
