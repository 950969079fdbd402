#include "evaluator/cuda/kernel_loader.h"

#include "primitives/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <stdexcept>
#include <thread>

namespace normact::evaluator::cuda {
namespace {

using testing::UnorderedElementsAre;

/// What the fakes below were asked for.
struct Record {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> compiled, loaded;
    int compiling = 0, most_compiling = 0;
    int wait_for = 1;  ///< so many compile at once before one of them ends
};

class FakeCompiler : public KernelCompiler {
  public:
    explicit FakeCompiler(std::shared_ptr<Record> record) : record_(std::move(record)) {}
    std::string identity(int /*architecture*/) const override { return "fake"; }
    std::string compile(const std::string& source, int architecture) const override {
        std::unique_lock lock(record_->mutex);
        record_->compiled.push_back(source);
        record_->most_compiling = std::max(record_->most_compiling, ++record_->compiling);
        record_->changed.notify_all();
        record_->changed.wait_for(lock, std::chrono::seconds(20),
                                  [&] { return record_->most_compiling >= record_->wait_for; });
        --record_->compiling;
        if (source == "wrong") throw std::runtime_error("does not compile");
        return source + " for " + std::to_string(architecture);
    }

  private:
    std::shared_ptr<Record> record_;
};

class FakeModule : public LoadedModule {
  public:
    void launch(const std::string& /*kernel*/, std::int64_t /*blocks*/, std::int64_t /*threads*/,
                std::int64_t /*shared_bytes*/, void* /*stream*/,
                const std::vector<void*>& /*arguments*/) const override {}
};

/// Takes no cubin that begins with "damaged".
class FakeDriver : public Driver {
  public:
    explicit FakeDriver(std::shared_ptr<Record> record) : record_(std::move(record)) {}
    int architecture() const override { return 90; }
    std::unique_ptr<const LoadedModule> load(const std::string& cubin,
                                             const std::vector<std::string>& kernels) const override {
        if (cubin.starts_with("damaged")) throw DriverError("invalid image", 200);
        record_->loaded.push_back(kernels.at(0) + ": " + cubin);
        return std::make_unique<const FakeModule>();
    }

  private:
    std::shared_ptr<Record> record_;
};

class KernelLoaderTest : public testing::Test {
  protected:
    KernelLoader loader(const KernelCache& cache = {{}, 0}) const {
        return {std::make_unique<const FakeDriver>(record), std::make_unique<const FakeCompiler>(record), cache};
    }
    KernelCache cache() const { return {files_.path() / "kernels", 1 << 20}; }

    std::shared_ptr<Record> record = std::make_shared<Record>();

  private:
    TemporaryFolder files_;
};

TEST_F(KernelLoaderTest, gives_a_module_for_each_kernel_in_their_order) {
    EXPECT_EQ(loader().load({{"one", "first"}, {"two", "second"}}).size(), 2U);
    EXPECT_THAT(record->loaded, testing::ElementsAre("one: first for 90", "two: second for 90"));
}

TEST_F(KernelLoaderTest, compiles_all_kernels_at_once) {
    record->wait_for = 4;
    (void)loader().load({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
    EXPECT_EQ(record->most_compiling, 4);
}

TEST_F(KernelLoaderTest, compiles_a_kernel_once_if_it_was_prepared) {
    record->wait_for = 2;
    const KernelLoader shared = loader();
    shared.prepare({{"a", "1"}});
    (void)shared.load({{"a", "1"}, {"b", "2"}});
    EXPECT_THAT(record->compiled, UnorderedElementsAre("1", "2"));
}

TEST_F(KernelLoaderTest, compiles_once_what_several_threads_ask_for) {
    record->wait_for = 3;  // so that none is ready before all were asked for
    const KernelLoader shared = loader();
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 3; ++i) threads.emplace_back([&] { shared.prepare({{"a", "1"}, {"b", "2"}}); });
    }
    (void)shared.load({{"a", "1"}, {"b", "2"}, {"c", "3"}});
    EXPECT_THAT(record->compiled, UnorderedElementsAre("1", "2", "3"));
}

TEST_F(KernelLoaderTest, takes_what_the_cache_has) {
    (void)loader(cache()).load({{"a", "1"}});
    (void)loader(cache()).load({{"a", "1"}});
    EXPECT_EQ(record->compiled.size(), 1U);
    EXPECT_EQ(record->loaded.size(), 2U);
}

TEST_F(KernelLoaderTest, compiles_anew_what_the_driver_does_not_take) {
    const KernelCache files = cache();
    (void)files.get("fake\n90\n1", [] { return "damaged"; });
    (void)loader(files).load({{"a", "1"}});
    EXPECT_THAT(record->loaded, testing::ElementsAre("a: 1 for 90"));
}

TEST_F(KernelLoaderTest, tells_what_the_compiler_says_each_time) {
    const KernelLoader shared = loader();
    shared.prepare({{"a", "wrong"}});
    for (int i = 0; i < 2; ++i) EXPECT_THROW((void)shared.load({{"a", "wrong"}}), std::runtime_error);
    EXPECT_EQ(record->compiled.size(), 2U);
}

}  // namespace
}  // namespace normact::evaluator::cuda
