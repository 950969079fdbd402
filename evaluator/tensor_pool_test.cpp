#include "evaluator/tensor_pool.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace normact::evaluator {
namespace {

TEST(TensorPool, gives_memory_out_again) {
    const auto pool = TensorPool::make();
    const at::Tensor like = at::empty({8, 32, 32, 32}).contiguous(at::MemoryFormat::ChannelsLast);
    std::set<const void*> places;
    {
        const at::Tensor first = pool->empty_like(like), second = pool->empty_like(like);
        EXPECT_EQ(first.strides(), like.strides());
        places = {first.data_ptr(), second.data_ptr()};
    }
    EXPECT_EQ(places.size(), 2U);
    EXPECT_TRUE(places.contains(pool->empty_like(like).data_ptr()));
    const at::Tensor doubles = pool->empty_doubles(like.numel() / 2);
    EXPECT_EQ(doubles.numel(), like.numel() / 2);
    EXPECT_EQ(doubles.scalar_type(), at::kDouble);
    EXPECT_TRUE(places.contains(doubles.data_ptr()));
}

TEST(TensorPool, keeps_no_more_than_was_in_use_at_once) {
    const auto pool = TensorPool::make();
    const at::Tensor like = at::empty({1 << 20}), larger = at::empty({1 << 21});
    for (int i = 0; i < 3; ++i) {
        pool->empty_like(like);
        pool->empty_like(larger);
    }
    EXPECT_LE(pool->free_bytes(), larger.nbytes());
    EXPECT_GT(pool->free_bytes(), 0U);
}

TEST(TensorPool, outlives_its_owner_with_its_tensors) {
    auto pool = TensorPool::make();
    at::Tensor tensor = pool->empty_like(at::empty({1 << 20}));
    pool.reset();
    tensor.fill_(1);
    EXPECT_EQ(tensor.sum().item<float>(), 1 << 20);
}

TEST(TensorPool, serves_several_threads) {
    const auto pool = TensorPool::make();
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i) {
                const at::Tensor tensor = pool->empty_like(at::empty({1 << (17 + i % 3)}));
                tensor.fill_(t);
                ASSERT_EQ(tensor[-1].item<float>(), static_cast<float>(t));
            }
        });
}

}  // namespace
}  // namespace normact::evaluator
