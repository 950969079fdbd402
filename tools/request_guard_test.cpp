#include "tools/request_guard.h"

#include "primitives/temporary_folder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

namespace normact::tools {
namespace {

TEST(RequestGuard, knows_addresses_that_only_this_machine_reaches) {
    for (const char* address : {"127.0.0.1", "127.1.2.3", "localhost", "::1"}) EXPECT_TRUE(is_loopback(address));
    for (const char* address :
         {"0.0.0.0", "::", "10.0.0.1", "example.org", "", "128.127.0.1", "127.example.org", "127.0.0.1.evil"})
        EXPECT_FALSE(is_loopback(address)) << address;
}

TEST(RequestGuard, refuses_names_that_were_bent_to_this_machine) {
    for (const char* host : {"localhost", "localhost:8080", "127.0.0.1:1", "[::1]:80"})
        EXPECT_TRUE(names_this_machine(host, "127.0.0.1")) << host;
    for (const char* host : {"", "evil.example", "evil.example:8080", "localhost.evil.example",
                             "localhost:", "localhost:8x", "127.0.0.1.evil.example:80", "127.0.0.1@evil"})
        EXPECT_FALSE(names_this_machine(host, "127.0.0.1")) << host;
}

TEST(RequestGuard, takes_the_chosen_address_as_a_name) {
    for (const char* host : {"127.0.0.2", "127.0.0.2:8472", "localhost:8472"})
        EXPECT_TRUE(names_this_machine(host, "127.0.0.2")) << host;
    EXPECT_TRUE(names_this_machine("[::1]:80", "::1"));
    for (const char* host : {"127.0.0.3", "127.0.0.2.evil.example", "127.0.0.22", "::1", ""})
        EXPECT_FALSE(names_this_machine(host, "127.0.0.2")) << host;
}

TEST(RequestGuard, takes_the_token_in_both_ways_and_nothing_else) {
    const std::string token = "abcdefghijklmnop";
    EXPECT_TRUE(brings_token("Bearer abcdefghijklmnop", token));
    EXPECT_TRUE(brings_token("Basic bWU6YWJjZGVmZ2hpamtsbW5vcA==", token)) << "me:abcdefghijklmnop";
    for (const char* given :
         {"", "Bearer ", "Bearer abcdefghijklmno", "Bearer abcdefghijklmnopp", "Bearer abcdefghijklmnoq",
          "abcdefghijklmnop", "Basic bWU6", "Basic !!", "Basic YWJj", "Bearer abcdefghijklmnopabcdefghijklmnop"})
        EXPECT_FALSE(brings_token(given, token)) << given;
}

TEST(RequestGuard, reads_a_token_that_only_its_owner_can_read) {
    const TemporaryFolder folder;
    const std::string file = folder.file("token");
    const auto write = [&](const std::string& text, std::filesystem::perms permissions) {
        std::ofstream(file) << text;
        std::filesystem::permissions(file, permissions);
    };
    using std::filesystem::perms;
    write("abcdefgh-ijkl_mnop\n", perms::owner_read | perms::owner_write);
    EXPECT_EQ(read_token(file), "abcdefgh-ijkl_mnop");
    write("abcdefgh-ijkl_mnop\n", perms::owner_read | perms::owner_write | perms::others_read);
    EXPECT_THROW(read_token(file), std::runtime_error);
    for (const char* text : {"", "short", "with spaces and more than 16", "two lines of\nsome letters each"}) {
        write(text, perms::owner_read | perms::owner_write);
        EXPECT_THROW(read_token(file), std::runtime_error) << text;
    }
}

}  // namespace
}  // namespace normact::tools
