// A library of its own, loaded where training runs on a GPU: it needs LibTorch's CUDA half and CUDA's headers.

#include "proxy_tasks/repeated_work.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAStream.h>

#include <exception>
#include <mutex>

namespace normact::proxy_tasks {
namespace {

/// A CUDA graph. Other threads go on while it is recorded, but one records at a time.
class GraphRecorder : public Recorder {
  public:
    void record(const std::function<void()>& work) override {
        static std::mutex one_at_a_time;
        const std::scoped_lock lock(one_at_a_time);
        c10::cuda::getCurrentCUDAStream().synchronize();
        graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
        try {
            work();
        } catch (...) {
            try {
                graph_.capture_end();
            } catch (const std::exception&) {  // a consequence of the error that is told
            }
            throw;
        }
        graph_.capture_end();
    }
    void replay() override { graph_.replay(); }

  private:
    at::cuda::CUDAGraph graph_;
};

}  // namespace
}  // namespace normact::proxy_tasks

extern "C" normact::proxy_tasks::Recorder* normact_new_recorder() { return new normact::proxy_tasks::GraphRecorder; }
