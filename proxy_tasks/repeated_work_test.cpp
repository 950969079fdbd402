#include "proxy_tasks/repeated_work.h"

#include "proxy_tasks/gpu.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace normact::proxy_tasks {
namespace {

/// Tells what it was asked for.
class RecorderStandIn : public Recorder {
  public:
    explicit RecorderStandIn(std::string& log) : log_(log) {}
    void record(const std::function<void()>& work) override {
        log_ += "record(";
        work();
        log_ += ')';
    }
    void replay() override { log_ += "replay "; }

  private:
    std::string& log_;
};

TEST(RepeatedWork, is_done_a_few_times_then_recorded_then_replayed) {
    std::string log;
    RepeatedWork work([&] { log += "work "; }, std::make_unique<RecorderStandIn>(log));
    for (int i = 0; i < 6; ++i) work.run();
    EXPECT_EQ(log, "work work work record(work )replay replay replay ");
}

TEST(RepeatedWork, is_done_each_time_without_a_recorder) {
    std::string log;
    RepeatedWork work([&] { log += "work "; });
    for (int i = 0; i < 5; ++i) work.run();
    EXPECT_EQ(log, "work work work work work ");
    EXPECT_EQ(make_recorder(c10::Device(c10::DeviceType::CPU)), nullptr);
}

/// Where it was built, the library for CUDA graphs is found; here it may fail for lack of a GPU alone.
TEST(RepeatedWork, finds_its_library) {
    try {
        load_gpu_support();
    } catch (const std::runtime_error&) {  // LibTorch without its half for GPUs, or no GPU
    }
    if (std::string(NORMACT_CUDA_GRAPHS).empty()) GTEST_SKIP() << "built without CUDA's headers";
    try {
        EXPECT_NE(make_recorder(c10::Device(c10::DeviceType::CUDA, 0)), nullptr);
    } catch (const std::exception& error) {
        EXPECT_FALSE(std::string(error.what()).starts_with("training on a GPU needs")) << error.what();
    }
}

}  // namespace
}  // namespace normact::proxy_tasks
