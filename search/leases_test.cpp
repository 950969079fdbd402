#include "search/leases.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>

namespace normact::search {
namespace {

using namespace std::chrono_literals;

/// Keeps what each renewal was told, and waits for the next one.
struct Renewals {
    std::mutex mutex;
    std::list<int> last;
    std::counting_semaphore<> happened{0};

    void operator()(const std::list<int>& held) {
        const std::scoped_lock lock(mutex);
        last = held;
        happened.release();
    }
    /// What a renewal that begins from now on is told; the one at work may have begun before.
    std::list<int> next() {
        while (happened.try_acquire()) {
        }
        happened.acquire();
        happened.acquire();
        const std::scoped_lock lock(mutex);
        return last;
    }
};

Leases<int> renewing_into(Renewals& renewals) {
    return {1s, [&](const std::list<int>& held, const std::stop_token&) { renewals(held); }};
}

TEST(Leases, renew_what_is_held_oldest_first) {
    Renewals renewals;
    auto leases = renewing_into(renewals);
    EXPECT_EQ(renewals.next(), std::list<int>{});
    const Leases<int>::Hold first(leases, 1);
    {
        const Leases<int>::Hold second(leases, 2), again(leases, 1);
        EXPECT_EQ(leases.held(), (std::list{1, 2, 1}));
        EXPECT_EQ(renewals.next(), (std::list{1, 2, 1}));
    }
    EXPECT_EQ(renewals.next(), std::list{1});
}

TEST(Leases, tell_renewals_what_an_item_became) {
    Renewals renewals;
    auto leases = renewing_into(renewals);
    Leases<int>::Hold hold(leases, 1);
    hold.update([](int& item) { item = 7; });
    EXPECT_EQ(renewals.next(), std::list{7});
}

TEST(Leases, renew_nothing_once_they_are_ended) {
    Renewals renewals;
    auto leases = renewing_into(renewals);
    const Leases<int>::Hold hold(leases, 1);
    renewals.next();
    leases.end();
    while (renewals.happened.try_acquire()) {
    }
    EXPECT_FALSE(renewals.happened.try_acquire_for(1s)) << "the pause is a third of it";
    EXPECT_EQ(leases.held(), std::list{1}) << "what is held can still be told and given back";
}

TEST(Leases, ask_a_renewal_at_work_to_stop_and_wait_for_it) {
    std::binary_semaphore begun{0};
    std::atomic<bool> ended = false;
    {
        Leases<int> leases(1s, [&](const std::list<int>&, const std::stop_token& stop) {
            begun.release();
            while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
            ended = true;
        });
        begun.acquire();
    }
    EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace normact::search
