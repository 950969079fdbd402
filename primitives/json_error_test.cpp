#include "primitives/json_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <stdexcept>

namespace normact::primitives {
namespace {

TEST(JsonError, is_told_without_the_library_s_name_for_it) {
    try {
        const auto read = nlohmann::json::parse("{");
        FAIL();
    } catch (const nlohmann::json::exception& error) {
        EXPECT_THAT(plain_message(error), testing::StartsWith("parse error at line 1"));
    }
}

TEST(JsonError, leaves_other_messages_as_they_are) {
    EXPECT_EQ(plain_message(std::runtime_error("a [list] of] names")), "a [list] of] names");
    EXPECT_EQ(plain_message(std::runtime_error("[json.exception.")), "[json.exception.");
}

}  // namespace
}  // namespace normact::primitives
