#include "evaluator/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace normact::evaluator {
namespace {

class ParallelFor : public testing::Test {
  private:
    ThreadsInUse three_{3};
};

TEST_F(ParallelFor, takes_each_number_once_on_several_threads) {
    for (const std::int64_t count : {2, 3, 7, 1000, 100000}) {
        std::mutex mutex;
        std::set<std::thread::id> threads;
        std::vector<int> times(static_cast<std::size_t>(count));
        parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
            const std::scoped_lock lock(mutex);
            threads.insert(std::this_thread::get_id());
            for (std::int64_t i = begin; i < end; ++i) ++times[static_cast<std::size_t>(i)];
        });
        EXPECT_EQ(times, std::vector(static_cast<std::size_t>(count), 1));
        EXPECT_EQ(threads.size(), std::min<std::size_t>(3, static_cast<std::size_t>(count)));
    }
}

TEST_F(ParallelFor, stays_on_one_thread_where_it_should) {
    const auto parts = [](std::int64_t count, std::int64_t grain) {
        int calls = 0;
        parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
            EXPECT_EQ(begin, 0);
            EXPECT_EQ(end, count);
            ++calls;
        });
        return calls;
    };
    EXPECT_EQ(parts(5, 5), 1);
    parallel_for(2, 1, [&](std::int64_t, std::int64_t) { EXPECT_EQ(parts(1000, 1), 1); });  // nested
    const ThreadsInUse one(1);
    EXPECT_EQ(parts(1000, 1), 1);
}

TEST_F(ParallelFor, passes_exceptions_on) {
    EXPECT_THROW(parallel_for(9, 1, [](std::int64_t, std::int64_t) { throw std::runtime_error("no"); }),
                 std::runtime_error);
}

}  // namespace
}  // namespace normact::evaluator
