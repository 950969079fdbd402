#include "proxy_tasks/anchors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

namespace normact::proxy_tasks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<int> widths(const Anchor& anchor) {
    std::vector<int> all;
    all.reserve(anchor.stages.size());
    for (const Stage& stage : anchor.stages) all.push_back(stage.channels);
    return all;
}

int total_stride(const Anchor& anchor) {
    int stride = anchor.stem.stride * (anchor.stem.max_pool ? 2 : 1);
    for (const Stage& stage : anchor.stages) stride *= stage.stride;
    return stride;
}

TEST(Anchors, have_unique_names_by_which_they_are_found) {
    std::set<std::string> names;
    for (const Anchor& anchor : anchors()) {
        EXPECT_TRUE(names.insert(anchor.name).second) << anchor.name;
        EXPECT_EQ(&find_anchor(anchor.name), &anchor);
    }
}

TEST(Anchors, an_unknown_name_is_answered_with_the_known_ones) {
    EXPECT_THAT([] { find_anchor("vgg-3"); },
                testing::ThrowsMessage<std::invalid_argument>(AllOf(HasSubstr("'vgg-3'"), HasSubstr("resnet-tiny"))));
}

TEST(Anchors, the_paper_size_has_the_paper_s_widths) {
    EXPECT_THAT(widths(find_anchor("resnet-50-quarter")), ElementsAre(64, 128, 256, 512));
    EXPECT_THAT(widths(find_anchor("mobilenet-v2-half")), ElementsAre(8, 16, 16, 32, 48, 80, 160));
    EXPECT_THAT(widths(find_anchor("efficientnet-b0-half")), ElementsAre(8, 16, 24, 40, 56, 96, 160));
    EXPECT_EQ(find_anchor("efficientnet-b0-half").head, 640);
    EXPECT_EQ(find_anchor("mobilenet-v2-half").head, 1280);
    EXPECT_THAT(widths(find_anchor("vgg-16-half")), ElementsAre(32, 64, 128, 256, 256));
    EXPECT_THAT(widths(find_anchor("convnext-t-half")), ElementsAre(48, 96, 192, 384));
}

TEST(Anchors, the_paper_size_leaves_4x4_pixels_of_32x32) {
    for (const char* name : {"resnet-50-quarter", "mobilenet-v2-half", "efficientnet-b0-half", "vgg-16-half"}) {
        EXPECT_EQ(total_stride(find_anchor(name)), 8) << name;
    }
    for (const char* name : {"resnet-50", "mobilenet-v2", "efficientnet-b0"}) {
        EXPECT_EQ(total_stride(find_anchor(name)), 32) << name;
    }
}

TEST(Anchors, have_a_measure_that_fits_their_task) {
    EXPECT_EQ(measure_of(find_anchor("vgg-tiny")), "accuracy");
    EXPECT_EQ(measure_of(find_anchor("unet-tiny")), "mean IoU");
    EXPECT_EQ(measure_of(find_anchor("dcgan-tiny")), "Fréchet closeness");
}

TEST(Anchors, widths_are_rounded_to_multiples_of_8_and_never_below_nine_tenths) {
    for (const double width : {0.1, 0.25, 0.35, 0.5, 0.75, 1.4}) {
        const Anchor& full = find_anchor("efficientnet-b0");
        const Anchor narrow = scaled(full, width);
        for (std::size_t i = 0; i < full.stages.size(); ++i) {
            EXPECT_EQ(narrow.stages[i].channels % 8, 0);
            EXPECT_GE(narrow.stages[i].channels, 0.9 * width * full.stages[i].channels);
        }
    }
    EXPECT_EQ(scaled(find_anchor("mobilenet-v2"), 1.0), find_anchor("mobilenet-v2"));
}

}  // namespace
}  // namespace normact::proxy_tasks
