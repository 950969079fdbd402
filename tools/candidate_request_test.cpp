#include "tools/candidate_request.h"

#include "primitives/canonical.h"
#include "primitives/fingerprint.h"
#include "primitives/text.h"

#include <gtest/gtest.h>

namespace normact::tools {
namespace {

using primitives::IndexSet;
using primitives::Op;
using results::CandidateQuery;
using results::GraphPart;

CandidateQuery query_of(const RequestParameters& parameters) {
    return candidate_query(parameters, {"synthetic/resnet", "synthetic/mobilenet"});
}

TEST(CandidateRequest, without_parameters_asks_for_the_best) {
    const auto query = query_of({});
    EXPECT_EQ(query.order, CandidateQuery::Order::best);
    EXPECT_EQ(query.limit, 50);
    EXPECT_FALSE(query.after || query.parent || query.fingerprint);
}

TEST(CandidateRequest, reads_what_was_asked_for) {
    const auto query = query_of({{"order", "newest"},
                                 {"state", "quality"},
                                 {"with", "sigmoid std_group  batch"},
                                 {"without", "rms"},
                                 {"origin", ""},
                                 {"parent", "7"},
                                 {"limit", "20"},
                                 {"after", "0.1234567890123456:9:newest:"}});
    EXPECT_EQ(query.order, CandidateQuery::Order::newest);
    EXPECT_EQ(query.state, "quality");
    EXPECT_EQ(query.with,
              (std::vector<GraphPart>{
                  {Op::sigmoid, IndexSet::none}, {Op::std, IndexSet::group}, {std::nullopt, IndexSet::batch}}));
    EXPECT_EQ(query.without, (std::vector<GraphPart>{{Op::rms, IndexSet::none}}));
    EXPECT_EQ(query.parent, 7);
    EXPECT_EQ(query.after, (results::PagePosition{0.1234567890123456, 9}));
    EXPECT_EQ(query_of({{"order", "worst"}, {"task", "synthetic/resnet"}}).task, "synthetic/resnet");
}

TEST(CandidateRequest, finds_a_function_under_every_way_to_write_it) {
    const auto wanted = primitives::probe(primitives::canonical(primitives::parse_text("max(x, zero)"))).fingerprint;
    EXPECT_EQ(query_of({{"same_as", "max(0, x)"}}).fingerprint, wanted);
    EXPECT_TRUE(query_of({{"same_as", "evonorm-s0"}}).fingerprint);
}

TEST(CandidateRequest, gives_positions_that_read_back_to_the_last_bit) {
    const results::PagePosition position{1.0 / 3, 123456789};
    CandidateQuery query;
    query.task = "synthetic/resnet";
    EXPECT_EQ(parse_position(query, position_text(query, position)), position);
}

TEST(CandidateRequest, refuses_what_makes_no_sense) {
    for (const RequestParameters& parameters : {RequestParameters{{"order", "random"}},
                                                {{"task", "synthetic/vgg"}},
                                                {{"task", "synthetic/resnet"}, {"order", "newest"}},
                                                {{"state", "good"}},
                                                {{"with", "frob"}},
                                                {{"with", "sigmoid_group"}},
                                                {{"with", "none"}},
                                                {{"parent", "-1"}},
                                                {{"parent", "1x"}},
                                                {{"limit", "0"}},
                                                {{"limit", "201"}},
                                                {{"limit", "99999999999999"}},
                                                {{"after", "0.5"}},
                                                {{"after", "nan:1:best:"}},
                                                {{"after", "0.5:1"}},
                                                {{"after", "0.5:1:newest:"}},
                                                {{"after", "0.5:1:best:synthetic/resnet"}},
                                                {{"after", "0:-9223372036854775808:best:"}},
                                                {{"after", "0:9223372036854775807:best:"}},
                                                {{"after", "inf:1:best:"}},
                                                {{"same_as", "x*("}},
                                                {{"same_as", "x/zero"}},
                                                {{"colour", "red"}}})
        EXPECT_THROW(query_of(parameters), RequestError) << parameters.begin()->first << parameters.begin()->second;
}

}  // namespace
}  // namespace normact::tools
