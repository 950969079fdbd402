#include "evaluator/cuda/variant.h"

#include "evaluator/layer_programs.h"
#include "primitives/text.h"

#include <gtest/gtest.h>

namespace normact::evaluator::cuda {
namespace {

Schedule forward(const char* text) {
    return schedule(layer_programs(primitives::parse_text(text), 1e-5, /*training=*/true).forward,
                    Reuse::compute_again);
}

constexpr const char *batch_norm = "(x - mean_batch(x))/std_batch(x)", *group_norm = "(x - mean_group(x))/std_group(x)",
                     *layer_norm = "(x - mean_layer(x))/std_layer(x)";

TEST(Variant, takes_vectors_that_divide_what_lies_side_by_side) {
    const Schedule s = forward(batch_norm);
    const auto vector = [&](std::int64_t channels, std::int64_t pixels, bool channels_last, ElementType type,
                            std::int64_t alignment = 16) {
        return variant_for(s, {8, channels, pixels, channels_last, 1}, type, alignment).vector;
    };
    EXPECT_EQ(vector(3, 64, false, ElementType::float32), 4);
    EXPECT_EQ(vector(3, 49, false, ElementType::float32), 1);
    EXPECT_EQ(vector(3, 50, false, ElementType::float32), 2);
    EXPECT_EQ(vector(3, 64, false, ElementType::bfloat16), 8);
    EXPECT_EQ(vector(3, 64, false, ElementType::float32, 4), 1);
    EXPECT_EQ(vector(3, 64, false, ElementType::bfloat16, 4), 2);
    EXPECT_EQ(vector(6, 49, true, ElementType::float32), 2);
    EXPECT_EQ(vector(33, 49, true, ElementType::bfloat16), 1);
}

TEST(Variant, has_blocks_of_whole_groups_and_images) {
    const TensorShape shape{2, 96, 49, true, 32};
    const Variant variant = variant_for(forward(group_norm), shape, ElementType::float32, 16);
    const std::int64_t group = channels_of_block(Block::group, variant, shape);
    EXPECT_EQ(group % 3, 0);
    EXPECT_EQ(group % variant.vector, 0);
    EXPECT_LE(group, 96);
    EXPECT_EQ(channels_of_block(Block::image, variant, shape), 96);
}

/// A batch normalization of few large images, and what stays of a group normalization.
TEST(Variant, divides_channels_until_the_gpu_is_full_and_a_block_fits) {
    const auto blocks = [](const char* layer, const TensorShape& shape, ElementType type) {
        const Variant variant = variant_for(forward(layer), shape, type, 16);
        return shape.images * shape.channels / channels_of_block(Block::plane, variant, shape);
    };
    EXPECT_GE(blocks(batch_norm, {128, 128, std::int64_t{56} * 56, true, 32}, ElementType::bfloat16), 500);
    EXPECT_EQ(blocks(batch_norm, {1024, 64, 64, true, 32}, ElementType::float32), 1024) << "a block has 64 channels";
    const TensorShape large{128, 128, std::int64_t{40} * 40, true, 32};
    EXPECT_TRUE(variant_for(forward(group_norm), large, ElementType::bfloat16, 16).resident);
    const Variant whole = variant_for(forward(layer_norm), large, ElementType::bfloat16, 16);
    EXPECT_FALSE(whole.resident) << "an image does not fit";
}

TEST(Variant, asks_for_no_more_shared_memory_than_a_gpu_has) {
    constexpr std::int64_t most = 163 << 10;  // of a block on compute capability 8.0
    for (const char* text : {batch_norm, group_norm, layer_norm, "x*sigmoid(v1*x)/std_group(x)"})
        for (const bool channels_last : {false, true})
            for (const std::int64_t side : {1, 7, 32, 56, 112, 224})
                for (const std::int64_t channels : {3, 64, 96, 2048}) {
                    const TensorShape shape{16, channels, side * side, channels_last, channels % 32 == 0 ? 32 : 1};
                    const Schedule s = forward(text);
                    for (const ElementType type : {ElementType::float32, ElementType::bfloat16}) {
                        const Variant variant = variant_for(s, shape, type, 16);
                        for (const Sweep& sweep : s.sweeps) EXPECT_LE(shared_bytes(s, sweep, variant, shape), most);
                    }
                }
}

}  // namespace
}  // namespace normact::evaluator::cuda
