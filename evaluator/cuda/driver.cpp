#include "evaluator/cuda/driver.h"

#include "evaluator/cuda/shared_library.h"

#include <fmt/format.h>

#include <atomic>
#include <map>
#include <utility>

namespace normact::evaluator::cuda {
namespace {

using Context = struct ContextHandle*;
using Module = struct ModuleHandle*;
using Function = struct FunctionHandle*;
using Stream = struct StreamHandle*;

/// The functions of libcuda, with the types of <cuda.h>.
struct Functions {
    Functions() {
        library.find(init, "cuInit");
        library.find(get_error_name, "cuGetErrorName");
        library.find(get_error_string, "cuGetErrorString");
        library.find(get_current_context, "cuCtxGetCurrent");
        library.find(set_current_context, "cuCtxSetCurrent");
        library.find(retain_primary_context, "cuDevicePrimaryCtxRetain");
        library.find(get_device, "cuCtxGetDevice");
        library.find(get_attribute, "cuDeviceGetAttribute");
        library.find(load_module, "cuModuleLoadData");
        library.find(get_function, "cuModuleGetFunction");
        library.find(set_attribute, "cuFuncSetAttribute");
        library.find(launch, "cuLaunchKernel");
        library.find(exchange_capture_mode, "cuThreadExchangeStreamCaptureMode");
        check(init(0), "start");
    }

    void check(int status, const std::string& what) const {
        if (status == 0) return;
        const char *name = nullptr, *text = nullptr;
        get_error_name(status, &name);
        get_error_string(status, &text);
        throw DriverError(fmt::format("the GPU's driver: {}: {} ({})", what, text == nullptr ? "?" : text,
                                      name == nullptr ? "?" : name),
                          status);
    }

    SharedLibrary library{"the driver of NVIDIA's GPUs was not found; install it, or use the engine cpu",
                          {"libcuda.so.1", "libcuda.so"}};
    int (*init)(unsigned) = nullptr;
    int (*get_error_name)(int, const char**) = nullptr;
    int (*get_error_string)(int, const char**) = nullptr;
    int (*get_current_context)(Context*) = nullptr;
    int (*set_current_context)(Context) = nullptr;
    int (*retain_primary_context)(Context*, int) = nullptr;
    int (*get_device)(int*) = nullptr;
    int (*get_attribute)(int*, int, int) = nullptr;
    int (*load_module)(Module*, const void*) = nullptr;
    int (*get_function)(Function*, Module, const char*) = nullptr;
    int (*set_attribute)(Function, int, int) = nullptr;
    int (*exchange_capture_mode)(int*) = nullptr;
    int (*launch)(Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Stream, void**,
                  void**) = nullptr;
};

/// While it lives, the calling thread may load kernels though a stream is being captured.
class WhileCapturing {
  public:
    explicit WhileCapturing(const Functions& functions) : functions_(functions) {
        functions_.exchange_capture_mode(&mode_);
    }
    ~WhileCapturing() { functions_.exchange_capture_mode(&mode_); }
    WhileCapturing(const WhileCapturing&) = delete;
    WhileCapturing& operator=(const WhileCapturing&) = delete;

  private:
    static constexpr int relaxed = 2;
    const Functions& functions_;
    int mode_ = relaxed;
};

/// Never unloaded: a captured graph may replay its kernels, and at the program's end the driver may be gone already.
/// Machine code of a layer takes some 50 KB.
class CudaModule : public LoadedModule {
  public:
    CudaModule(std::shared_ptr<const Functions> functions, const std::string& cubin,
               const std::vector<std::string>& kernels)
        : functions_(std::move(functions)) {
        const WhileCapturing relaxed(*functions_);
        functions_->check(functions_->get_current_context(&context_), "the context");
        Module module = nullptr;
        functions_->check(functions_->load_module(&module, cubin.data()), "loading kernels");
        for (const std::string& kernel : kernels)
            functions_->check(functions_->get_function(&kernels_[kernel].function, module, kernel.c_str()),
                              "finding the kernel " + kernel);
    }

    void launch(const std::string& kernel, std::int64_t blocks, std::int64_t threads, std::int64_t shared_bytes,
                void* stream, const std::vector<void*>& arguments) const override {
        need_context();
        const Kernel& found = kernels_.at(kernel);
        need_shared_memory(kernel, found, shared_bytes);
        std::vector<void*> copy = arguments;
        functions_->check(functions_->launch(found.function, static_cast<unsigned>(blocks), 1, 1,
                                             static_cast<unsigned>(threads), 1, 1, static_cast<unsigned>(shared_bytes),
                                             static_cast<Stream>(stream), copy.data(), nullptr),
                          "starting the kernel " + kernel);
    }

  private:
    struct Kernel {
        Function function = nullptr;
        mutable std::atomic<std::int64_t> shared_bytes{48 << 10};  ///< that it may have; more must be asked for
    };

    /// A thread that never ran anything on a GPU has no context.
    void need_context() const {
        Context context = nullptr;
        functions_->check(functions_->get_current_context(&context), "the context");
        if (context == nullptr) functions_->check(functions_->set_current_context(context_), "the context");
    }

    void need_shared_memory(const std::string& name, const Kernel& kernel, std::int64_t bytes) const {
        constexpr int most_dynamic_shared_bytes = 8;
        if (bytes <= kernel.shared_bytes) return;
        functions_->check(
            functions_->set_attribute(kernel.function, most_dynamic_shared_bytes, static_cast<int>(bytes)),
            "shared memory for the kernel " + name);
        kernel.shared_bytes = bytes;
    }

    std::shared_ptr<const Functions> functions_;
    Context context_ = nullptr;
    std::map<std::string, Kernel> kernels_;
};

class CudaDriver : public Driver {
  public:
    int architecture() const override {
        constexpr int major_attribute = 75, minor_attribute = 76;
        need_context();
        int device = 0, major = 0, minor = 0;
        functions_->check(functions_->get_device(&device), "the device");
        functions_->check(functions_->get_attribute(&major, major_attribute, device), "compute capability");
        functions_->check(functions_->get_attribute(&minor, minor_attribute, device), "compute capability");
        return 10 * major + minor;
    }

    std::unique_ptr<const LoadedModule> load(const std::string& cubin,
                                             const std::vector<std::string>& kernels) const override {
        need_context();
        return std::make_unique<const CudaModule>(functions_, cubin, kernels);
    }

  private:
    /// LibTorch makes a device's context current only when something ran on it; a device that is not the first is made
    /// current by whoever chooses it.
    void need_context() const {
        Context context = nullptr;
        functions_->check(functions_->get_current_context(&context), "the context");
        if (context != nullptr) return;
        functions_->check(functions_->retain_primary_context(&context, 0), "the first device");
        functions_->check(functions_->set_current_context(context), "the first device");
    }

    std::shared_ptr<const Functions> functions_ = std::make_shared<const Functions>();
};

}  // namespace

std::unique_ptr<const Driver> open_driver() { return std::make_unique<const CudaDriver>(); }

}  // namespace normact::evaluator::cuda
