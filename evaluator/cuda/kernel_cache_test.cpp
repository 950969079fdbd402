#include "evaluator/cuda/kernel_cache.h"

#include "primitives/temporary_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace normact::evaluator::cuda {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t plenty = 1 << 20;

class KernelCacheTest : public testing::Test {
  protected:
    fs::path folder() const { return files_.path() / "kernels"; }
    KernelCache cache(std::uint64_t most_bytes = plenty) const { return {folder(), most_bytes}; }

    /// What the cache gives, and whether it had to be made.
    std::string get(const KernelCache& cache, const std::string& key) {
        made_ = false;
        return cache.get(key, [&] {
            made_ = true;
            return "code of " + key;
        });
    }

    std::vector<fs::path> cubins() const {
        std::vector<fs::path> all;
        for (const auto& entry : fs::directory_iterator(folder()))
            if (entry.path().extension() == ".cubin") all.push_back(entry.path());
        return all;
    }

    bool made_ = false;

  private:
    TemporaryFolder files_;
};

TEST_F(KernelCacheTest, makes_a_value_once) {
    EXPECT_EQ(get(cache(), "a"), "code of a");
    EXPECT_TRUE(made_);
    EXPECT_EQ(get(cache(), "a"), "code of a");
    EXPECT_FALSE(made_);
    EXPECT_EQ(get(cache(), "b"), "code of b");
    EXPECT_TRUE(made_);
}

TEST_F(KernelCacheTest, makes_a_damaged_value_again) {
    (void)get(cache(), "a");
    const fs::path file = cubins().at(0);
    const auto size = fs::file_size(file);
    for (std::uintmax_t length = 0; length < size; ++length) {
        fs::resize_file(file, length);
        EXPECT_EQ(get(cache(), "a"), "code of a");
        EXPECT_TRUE(made_) << length;
    }
    for (std::uintmax_t position = 0; position < size; ++position) {
        std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(static_cast<long>(position)).put('#');
        EXPECT_EQ(get(cache(), "a"), "code of a");
        EXPECT_TRUE(made_) << position;
    }
}

TEST_F(KernelCacheTest, does_not_take_the_value_of_another_key) {
    (void)get(cache(), "a");
    const fs::path file = cubins().at(0);
    (void)get(cache(), "b");
    for (const fs::path& other : cubins())
        if (other != file) fs::copy_file(other, file, fs::copy_options::overwrite_existing);
    EXPECT_EQ(get(cache(), "a"), "code of a");
    EXPECT_TRUE(made_);
}

TEST_F(KernelCacheTest, stays_within_its_bounds_and_keeps_what_is_used) {
    const KernelCache small = cache(4096);
    for (int i = 0; i < 200; ++i) {
        (void)get(small, "key " + std::to_string(i));
        (void)get(small, "often");
    }
    std::uint64_t bytes = 0;
    for (const fs::path& file : cubins()) bytes += fs::file_size(file);
    EXPECT_LE(bytes, 4096U);
    (void)get(small, "often");
    EXPECT_FALSE(made_);
    (void)get(small, "key 0");
    EXPECT_TRUE(made_);
}

TEST_F(KernelCacheTest, serves_many_processes_at_once) {
    std::vector<pid_t> children;
    for (int child = 0; child < 8; ++child) {
        const pid_t process = fork();
        if (process == 0) {
            bool right = true;
            for (int i = 0; i < 300; ++i) {
                const std::string key = "key " + std::to_string(i % 20);
                right = right && cache(1024).get(key, [&] { return "code of " + key; }) == "code of " + key;
            }
            _exit(right ? 0 : 1);
        }
        children.push_back(process);
    }
    for (const pid_t child : children) {
        int status = 0;
        waitpid(child, &status, 0);
        EXPECT_EQ(status, 0);
    }
}

TEST_F(KernelCacheTest, does_without_a_folder_that_cannot_be_used) {
    EXPECT_EQ(get(KernelCache({}, plenty), "a"), "code of a");
    EXPECT_EQ(get(KernelCache("/proc/nowhere/kernels", plenty), "a"), "code of a");
    std::ofstream(folder()) << "a file";
    EXPECT_EQ(get(cache(), "a"), "code of a");
}

TEST_F(KernelCacheTest, does_not_trust_a_folder_that_others_write_to) {
    fs::create_directories(folder());
    chmod(folder().c_str(), S_IRWXU | S_IRWXO);
    (void)get(cache(), "a");
    (void)get(cache(), "a");
    EXPECT_TRUE(made_);
}

}  // namespace
}  // namespace normact::evaluator::cuda
