#include "proxy_tasks/data_files.h"

#include "primitives/temporary_folder.h"
#include "proxy_tasks/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>

namespace normact::proxy_tasks {
namespace {
namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const DataSource source{
    .name = "Example", .folder = "example", .key_file = "a.bin", .how_to_get = "Ask the author for it."};

/// A folder of its own for each test, and an environment in which no data set is found by chance.
class DataFiles : public testing::Test {
  protected:
    void SetUp() override {
        for (const char* name : {"NORMACT_DATA", "XDG_DATA_HOME", "HOME"}) {
            const char* value = std::getenv(name);
            before.emplace_back(name, value != nullptr ? std::optional<std::string>(value) : std::nullopt);
            ::unsetenv(name);
        }
    }
    void TearDown() override {
        for (const auto& [name, value] : before) value ? ::setenv(name, value->c_str(), 1) : ::unsetenv(name);
    }

    void write(const fs::path& path, const std::string& content) const {
        fs::create_directories((folder / path).parent_path());
        std::ofstream(folder / path, std::ios::binary) << content;
    }
    std::string refusal_of(const DataFile& file) const {
        try {
            read_checked(folder, file, source);
        } catch (const DatasetError& error) {
            return error.what();
        }
        return "nothing was wrong";
    }

    const TemporaryFolder temporary;
    const fs::path folder = temporary.path();
    std::vector<std::pair<const char*, std::optional<std::string>>> before;
};

TEST_F(DataFiles, are_looked_for_only_in_the_folder_of_the_settings_if_there_is_one) {
    ::setenv("NORMACT_DATA", "/chosen", 1);
    EXPECT_THAT(data_places({.name = "example", .folder = "/given"}), ElementsAre("/given"));
}

TEST_F(DataFiles, are_looked_for_in_the_chosen_folder_then_in_the_user_s_then_in_the_system_s) {
    ::setenv("NORMACT_DATA", "/chosen", 1);
    ::setenv("HOME", "/home/me", 1);
    EXPECT_THAT(data_places({}), ElementsAre("/chosen", "/home/me/.local/share/normact", "/usr/share/datasets"));
    ::setenv("XDG_DATA_HOME", "/mine", 1);
    EXPECT_THAT(data_places({}), ElementsAre("/chosen", "/mine/normact", "/usr/share/datasets"));
}

TEST_F(DataFiles, are_found_in_the_source_s_folder_or_beside_it) {
    write("example/a.bin", "1");
    EXPECT_EQ(find_data(source, {.name = "example", .folder = folder}), folder / "example");
    EXPECT_EQ(find_data(source, {.name = "example", .folder = folder / "example"}), folder / "example");
}

TEST_F(DataFiles, are_found_in_a_later_place_when_an_earlier_one_lacks_them) {
    ::setenv("NORMACT_DATA", (folder / "empty").c_str(), 1);
    ::setenv("XDG_DATA_HOME", folder.c_str(), 1);
    write("normact/example/a.bin", "1");
    EXPECT_EQ(find_data(source, {}), folder / "normact/example");
}

TEST_F(DataFiles, that_are_nowhere_are_reported_with_the_places_and_what_to_do) {
    ::setenv("NORMACT_DATA", "/nowhere", 1);
    try {
        find_data(source, {});
        FAIL() << "found";
    } catch (const DatasetError& error) {
        EXPECT_THAT(error.what(), HasSubstr("/nowhere/example"));
        EXPECT_THAT(error.what(), HasSubstr("/usr/share/datasets/example"));
        EXPECT_THAT(error.what(), HasSubstr("Ask the author"));
    }
}

TEST_F(DataFiles, with_the_right_size_and_checksum_are_read) {
    write("a.bin", "abc");
    EXPECT_EQ(read_checked(folder, {"a.bin", 3, 0x78af5f94892f3950}, source), (Bytes{'a', 'b', 'c'}));
}

TEST_F(DataFiles, packed_with_gzip_are_unpacked) {
    gzFile file = gzopen((folder / "a.gz").c_str(), "wb");
    gzputs(file, "abc");
    gzclose(file);
    EXPECT_EQ(read_checked(folder, {"a.gz", 3, 0x78af5f94892f3950}, source), (Bytes{'a', 'b', 'c'}));
}

TEST_F(DataFiles, that_are_wrong_are_named_with_what_is_wrong_and_what_to_do) {
    write("a.bin", "abd");
    fs::create_directory(folder / "folder.bin");
    const auto damaged = refusal_of({"a.bin", 3, 0x78af5f94892f3950});
    EXPECT_THAT(damaged, HasSubstr((folder / "a.bin").string()));
    EXPECT_THAT(damaged, HasSubstr("checksum"));
    EXPECT_THAT(damaged, HasSubstr("Ask the author"));
    EXPECT_THAT(refusal_of({"a.bin", 4, {}}), HasSubstr("ends after 3 of 4 bytes"));
    EXPECT_THAT(refusal_of({"a.bin", 2, {}}), HasSubstr("more than 2 bytes"));
    EXPECT_THAT(refusal_of({"b.bin", 2, {}}), HasSubstr("is missing"));
    EXPECT_THAT(refusal_of({"folder.bin", 2, {}}), HasSubstr("is not a file"));
}

TEST_F(DataFiles, packed_and_cut_off_are_named) {
    gzFile file = gzopen((folder / "a.gz").c_str(), "wb");
    for (int i = 0; i < 1000; ++i) gzputs(file, std::to_string(i * i).c_str());
    gzclose(file);
    fs::resize_file(folder / "a.gz", fs::file_size(folder / "a.gz") / 2);
    EXPECT_THAT(refusal_of({"a.gz", 5000, {}}), HasSubstr((folder / "a.gz").string()));
}

}  // namespace
}  // namespace normact::proxy_tasks
