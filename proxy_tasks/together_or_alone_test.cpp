#include "proxy_tasks/together_or_alone.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace normact::proxy_tasks {
namespace {

using namespace std::chrono_literals;

TEST(TogetherOrAlone, lets_many_in_together) {
    TogetherOrAlone room;
    const auto first = room.together();
    std::jthread([&] { const auto second = room.together(); }).join();
}

TEST(TogetherOrAlone, one_alone_gets_in_though_others_keep_coming_and_is_alone) {
    TogetherOrAlone room;
    std::atomic<int> inside = 0;
    std::atomic<bool> over = false;
    std::vector<std::jthread> others;
    others.reserve(3);
    for (int i = 0; i < 3; ++i)
        others.emplace_back([&, i] {
            std::this_thread::sleep_for(i * 1ms);
            while (!over) {  // at any moment one of them is inside
                const auto lock = room.together();
                ++inside;
                std::this_thread::sleep_for(3ms);
                --inside;
            }
        });
    std::this_thread::sleep_for(10ms);
    {
        const auto lock = room.alone();
        EXPECT_EQ(inside, 0);
        std::this_thread::sleep_for(10ms);
        EXPECT_EQ(inside, 0);
    }
    over = true;
}

}  // namespace
}  // namespace normact::proxy_tasks
