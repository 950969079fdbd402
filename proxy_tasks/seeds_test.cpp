#include "proxy_tasks/seeds.h"

#include <gtest/gtest.h>

#include <set>

namespace normact::proxy_tasks {
namespace {

const Trial trial{.study_seed = 1, .layer = {2, 3}, .task = "synthetic/resnet-tiny", .replicate = 0};

TEST(Seeds, each_part_of_a_trial_and_each_stream_has_its_own_seed) {
    std::set<std::uint64_t> seeds;
    for (const Trial& changed :
         {trial, Trial{2, {2, 3}, trial.task, 0}, Trial{1, {2, 4}, trial.task, 0}, Trial{1, {3, 3}, trial.task, 0},
          Trial{1, {2, 3}, "synthetic/resnet-micro", 0}, Trial{1, {2, 3}, trial.task, 1}}) {
        for (const Stream stream :
             {Stream::initialization, Stream::batches, Stream::crops, Stream::stability, Stream::audit}) {
            seeds.insert(seed_of(changed, stream));
        }
    }
    EXPECT_EQ(seeds.size(), 6U * 5U);
}

// Scores are repeated from these numbers: a change of them makes every stored score unrepeatable. The figures are
// XXH3 (64 bits) of "1\n00000000000000020000000000000003\nsynthetic/resnet-tiny\n0\n<stream>".
TEST(Seeds, stay_the_same_in_every_release) {
    EXPECT_EQ(seed_of(trial, Stream::initialization), 1013459389461086981U);
    EXPECT_EQ(seed_of(trial, Stream::stability), 4879231420352335136U);
}

}  // namespace
}  // namespace normact::proxy_tasks
