#include "proxy_tasks/repeated_work.h"

#include "evaluator/cuda/shared_library.h"

#include <filesystem>
#include <string>
#include <utility>

namespace normact::proxy_tasks {
namespace {

constexpr const char* library = "libnormact_cuda_graphs.so";

/// The folder of this program.
std::filesystem::path own_folder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path(); }

using NewRecorder = Recorder*();

/// From a library of its own, which needs LibTorch's CUDA half.
NewRecorder* recorders() {
    const evaluator::cuda::SharedLibrary found(
        "training on a GPU needs " + std::string(library) +
            ", which comes with normact where it was built with LibTorch for CUDA:",
        {library}, {own_folder() / "../lib", own_folder() / "../proxy_tasks"});
    NewRecorder* make = nullptr;
    found.find(make, "normact_new_recorder");
    return make;
}

}  // namespace

RepeatedWork::RepeatedWork(std::function<void()> work, std::unique_ptr<Recorder> recorder)
    : work_(std::move(work)), recorder_(std::move(recorder)) {}

void RepeatedWork::run() {
    if (recorder_ == nullptr || runs_ < runs_before_recording) {
        work_();
        ++runs_;
        return;
    }
    if (runs_ == runs_before_recording) {
        recorder_->record(work_);
        ++runs_;
    }
    recorder_->replay();
}

std::unique_ptr<Recorder> make_recorder(c10::Device device) {
    if (!device.is_cuda()) return nullptr;
    static NewRecorder* const make = recorders();
    return std::unique_ptr<Recorder>(make());
}

}  // namespace normact::proxy_tasks
