#include "tools/build_identifier.h"

#include "tools/worker_description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normact::tools {
namespace {

TEST(BuildIdentifier, of_a_loaded_library_is_part_of_what_a_study_records) {
    const std::string libtorch = build_identifier("libtorch_cpu.so");
    EXPECT_THAT(libtorch, testing::MatchesRegex("[0-9a-f]{8}"));
    EXPECT_THAT(describe_worker("aten").build, testing::HasSubstr("(" + libtorch + ")"));
}

TEST(BuildIdentifier, of_a_library_that_is_not_there_is_empty) {
    EXPECT_EQ(build_identifier("libtorch"), "") << "whole names only";
    EXPECT_NE(build_identifier("libc.so.6"), build_identifier("libtorch_cpu.so"));
}

}  // namespace
}  // namespace normact::tools
