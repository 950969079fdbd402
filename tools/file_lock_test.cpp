#include "tools/file_lock.h"

#include "primitives/temporary_folder.h"
#include "tools/output_file.h"
#include "tools/text_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <stdexcept>

namespace normact::tools {
namespace {

class FileLockTest : public testing::Test {
  protected:
    const TemporaryFolder folder_;
    std::string path_ = folder_.file("locked");
    std::string lock_ = path_ + ".lock";
};

TEST_F(FileLockTest, keeps_a_second_one_out_and_leaves_nothing) {
    std::optional<FileLock> first(path_);
    EXPECT_THROW(FileLock second(path_), std::runtime_error);
    first.reset();
    EXPECT_FALSE(std::filesystem::exists(lock_));
    EXPECT_NO_THROW(FileLock second(path_));
}

TEST_F(FileLockTest, takes_over_what_a_killed_process_left) {
    replace_text_file(lock_, "");
    EXPECT_NO_THROW(FileLock lock(path_));
    EXPECT_FALSE(std::filesystem::exists(lock_));
}

TEST_F(FileLockTest, leaves_a_file_of_somebody_else) {
    replace_text_file(lock_, "not a lock");
    EXPECT_THROW(FileLock lock(path_), std::runtime_error);
    EXPECT_EQ(read_text_file(lock_), "not a lock");
    std::filesystem::remove(lock_);
    std::filesystem::create_symlink("somewhere", lock_);
    EXPECT_THROW(FileLock lock(path_), std::runtime_error);
    EXPECT_TRUE(std::filesystem::is_symlink(lock_));
}

TEST_F(FileLockTest, says_where_it_can_not_be_made) {
    EXPECT_THROW(FileLock lock("/nowhere/file"), std::runtime_error);
}

}  // namespace
}  // namespace normact::tools
