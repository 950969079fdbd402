#include "tools/output_file.h"

#include "primitives/temporary_folder.h"
#include "results/sqlite.h"
#include "results/study.h"
#include "tools/text_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace normact::tools {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class OutputFileTest : public testing::Test {
  protected:
    std::size_t files() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()));
    }
    static std::string error_of(const std::string& path) {
        try {
            replace_text_file(path, "new");
            return "none";
        } catch (const std::runtime_error& error) {
            return error.what();
        }
    }

    TemporaryFolder folder;
    const std::string path = folder.file("file");
};

TEST_F(OutputFileTest, has_its_name_when_it_is_whole) {
    replace_text_file(path, "old");
    {
        OutputFile file(path);
        file.write("ne");
        EXPECT_EQ(read_text_file(path), "old");
        file.write("w");
        file.finish();
    }
    EXPECT_EQ(read_text_file(path), "new");
    EXPECT_EQ(files(), 1u);
}

TEST_F(OutputFileTest, that_is_not_finished_leaves_what_was_there) {
    replace_text_file(path, "old");
    OutputFile(path).write("new");
    EXPECT_EQ(read_text_file(path), "old");
    EXPECT_EQ(files(), 1u);
}

TEST_F(OutputFileTest, never_takes_the_place_of_a_study_or_of_what_sqlite_keeps_beside_it) {
    const auto store = results::create_study(path, "{}");
    for (const char* ending : {"", "-wal", "-shm", "-journal"})
        EXPECT_THAT(error_of(path + ending), HasSubstr("database")) << ending;
    fs::create_symlink(path, folder.file("link"));
    EXPECT_THAT(error_of(folder.file("link")), HasSubstr("database"));
    EXPECT_THAT(error_of(folder.file("./file")), HasSubstr("database"));
    EXPECT_EQ(results::open_study(path)->configuration(), "{}");
}

TEST_F(OutputFileTest, is_no_folder) {
    EXPECT_THAT(error_of(folder.path()), HasSubstr("folder; name a file"));
    EXPECT_THAT(error_of(folder.file("")), HasSubstr("folder; name a file"));
    EXPECT_THAT(error_of(folder.file("absent/file")), HasSubstr("No such file"));
    EXPECT_EQ(files(), 0u);
}

TEST_F(OutputFileTest, is_what_a_link_leads_to) {
    replace_text_file(path, "old");
    fs::create_symlink("file", folder.file("link"));
    replace_text_file(folder.file("link"), "new");
    EXPECT_EQ(read_text_file(path), "new");
    EXPECT_TRUE(fs::is_symlink(folder.file("link")));
    fs::create_symlink("circle", folder.file("circle"));
    EXPECT_THAT(error_of(folder.file("circle")), HasSubstr("circle"));
}

TEST_F(OutputFileTest, writes_to_a_fifo_and_leaves_it_one) {
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    std::string heard;
    std::jthread reader([&] { std::getline(std::ifstream(path), heard); });
    replace_text_file(path, "new");
    reader.join();
    EXPECT_EQ(heard, "new");
    EXPECT_TRUE(fs::is_fifo(path));
}

TEST_F(OutputFileTest, writes_to_a_pipe_that_only_a_descriptor_leads_to) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    replace_text_file("/dev/fd/" + std::to_string(pipe[1]), "new");
    std::array<char, 8> heard{};
    EXPECT_EQ(::read(pipe[0], heard.data(), heard.size()), 3);
    EXPECT_STREQ(heard.data(), "new");
    for (const int end : pipe) ::close(end);
}

TEST_F(OutputFileTest, that_is_read_only_stays) {
    if (::geteuid() == 0) GTEST_SKIP() << "root can write to every file";
    replace_text_file(path, "old");
    fs::permissions(path, fs::perms::owner_read);
    EXPECT_THAT(error_of(path), HasSubstr("denied"));
    EXPECT_EQ(read_text_file(path), "old");
}

}  // namespace
}  // namespace normact::tools
