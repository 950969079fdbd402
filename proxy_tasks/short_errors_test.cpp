#include "proxy_tasks/short_errors.h"

#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normact::proxy_tasks {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string error_of(auto call) {
    try {
        with_short_errors(call);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "nothing was wrong";
}

TEST(ShortErrors, have_one_line_without_a_stack) {
    const auto error = error_of([]() -> int { TORCH_CHECK(false, "the shapes differ\nand so on"); });
    EXPECT_EQ(error, "the shapes differ");
}

TEST(ShortErrors, say_what_helps_where_memory_is_short) {
    constexpr std::int64_t too_many = std::int64_t{1} << 58;
    const auto error = error_of([] { return at::empty({too_many}); });
    EXPECT_THAT(error, AllOf(HasSubstr("fewer threads"), HasSubstr("allocate"), Not(HasSubstr("\n"))));
    EXPECT_THAT(error_of([]() -> int { throw std::bad_alloc(); }), HasSubstr("fewer threads"));
}

TEST(ShortErrors, leave_results_and_other_errors_alone) {
    EXPECT_EQ(with_short_errors([] { return 7; }), 7);
    EXPECT_THROW(with_short_errors([]() -> int { throw std::invalid_argument("x"); }), std::invalid_argument);
}

}  // namespace
}  // namespace normact::proxy_tasks
