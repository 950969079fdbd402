#include "evaluator/cuda/driver.h"

#include "evaluator/cuda/shared_library.h"

#include <fmt/format.h>

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
        library.find(unload_module, "cuModuleUnload");
        library.find(get_function, "cuModuleGetFunction");
        library.find(set_attribute, "cuFuncSetAttribute");
        library.find(launch, "cuLaunchKernel");
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
    int (*unload_module)(Module) = nullptr;
    int (*get_function)(Function*, Module, const char*) = nullptr;
    int (*set_attribute)(Function, int, int) = nullptr;
    int (*launch)(Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Stream, void**,
                  void**) = nullptr;
};

class CudaModule : public LoadedModule {
  public:
    CudaModule(std::shared_ptr<const Functions> functions, const std::string& cubin,
               const std::vector<std::string>& kernels)
        : functions_(std::move(functions)) {
        functions_->check(functions_->get_current_context(&context_), "the context");
        functions_->check(functions_->load_module(&module_, cubin.data()), "loading kernels");
        try {
            for (const std::string& kernel : kernels) prepare(kernel);
        } catch (...) {
            functions_->unload_module(module_);
            throw;
        }
    }
    ~CudaModule() override {
        Context before = nullptr;
        functions_->get_current_context(&before);
        functions_->set_current_context(context_);
        functions_->unload_module(module_);  // nothing can be done about a failure: most often the program ends
        functions_->set_current_context(before);
    }
    CudaModule(const CudaModule&) = delete;
    CudaModule& operator=(const CudaModule&) = delete;

    void launch(const std::string& kernel, std::int64_t blocks, std::int64_t threads, std::int64_t shared_bytes,
                void* stream, const std::vector<void*>& arguments) const override {
        std::vector<void*> copy = arguments;
        functions_->check(functions_->launch(kernels_.at(kernel), static_cast<unsigned>(blocks), 1, 1,
                                             static_cast<unsigned>(threads), 1, 1, static_cast<unsigned>(shared_bytes),
                                             static_cast<Stream>(stream), copy.data(), nullptr),
                          "starting the kernel " + kernel);
    }

  private:
    /// More shared memory than 48 KiB must be asked for once.
    void prepare(const std::string& kernel) {
        constexpr int most_dynamic_shared_bytes = 8, most_shared_bytes = 96 << 10;
        Function function = nullptr;
        functions_->check(functions_->get_function(&function, module_, kernel.c_str()), "finding the kernel " + kernel);
        functions_->check(functions_->set_attribute(function, most_dynamic_shared_bytes, most_shared_bytes),
                          "shared memory for the kernel " + kernel);
        kernels_.emplace(kernel, function);
    }

    std::shared_ptr<const Functions> functions_;
    Context context_ = nullptr;
    Module module_ = nullptr;
    std::map<std::string, Function> kernels_;
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
    /// LibTorch makes the first device's context current only when something ran on it.
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
