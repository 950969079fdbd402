#include "evaluator/cuda/emulated_module.h"

#include "primitives/temporary_folder.h"

#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <dlfcn.h>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <limits>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace normact::evaluator::cuda {
namespace {

/// What CUDA's words mean here. The program that loads it sets the pointers.
constexpr const char* words = R"(
#define NORMACT_EMULATION
#define __device__
#define __global__
#define __shared__
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(threads, blocks)
struct Position { int x = 0; };
extern "C" {  // as <math.h> has them, which takes longer to compile than a kernel
float fabsf(float), copysignf(float, float), sqrtf(float), logf(float), expf(float), tanhf(float);
double fabs(double), copysign(double, double), sqrt(double), log(double), exp(double), tanh(double);
Position threadIdx, blockIdx, blockDim, gridDim;
void (*emulated_barrier)();
double (*emulated_shuffle)(double, int);
}
static void __syncthreads() { emulated_barrier(); }
static double __shfl_xor_sync(unsigned, double value, int distance) { return emulated_shuffle(value, distance); }
template <typename To, typename From>
static To with_bits(From from) { To to; __builtin_memcpy(&to, &from, sizeof to); return to; }
static float __uint_as_float(unsigned bits) { return with_bits<float>(bits); }
static unsigned __float_as_uint(float value) { return with_bits<unsigned>(value); }
static double __longlong_as_double(long long bits) { return with_bits<double>(bits); }
static float half_to_float(unsigned short bits) { return (float)with_bits<_Float16>(bits); }
static unsigned short float_to_half(float value) { return with_bits<unsigned short>((_Float16)value); }
)";

constexpr const char* rest = R"(
alignas(16) double shared_memory[1 << 15];
struct Call {
    template <typename... Arguments>
    Call(void (*kernel)(Arguments...), Arguments... arguments) { kernel(arguments...); }
};
template <typename... Arguments>
static void call(void (*kernel)(Arguments...), void* const* arguments) {
    Call{kernel, *static_cast<Arguments*>(*arguments++)...};  // in this order
}
)";

constexpr std::int64_t warp = 32;

struct Position {
    int x = 0;
};

using boost::context::fiber;

/// The threads of one block.
class BlockRun {
  public:
    BlockRun(std::int64_t threads, Position& thread_position, const std::function<void()>& body,
             boost::context::pooled_fixedsize_stack& stacks)
        : thread_position_(thread_position), threads_(static_cast<std::size_t>(threads)) {
        for (Thread& thread : threads_)
            thread.context = fiber(std::allocator_arg, stacks, [this, &body, &thread](fiber&& scheduler) {
                scheduler_ = std::move(scheduler);
                body();
                thread.state = State::done;
                return std::move(scheduler_);
            });
    }

    void run(TurnOrder order) {
        while (!all(State::done)) {
            for (std::size_t i = 0; i < threads_.size(); ++i)
                take_turn(order == TurnOrder::first_to_last ? i : threads_.size() - 1 - i);
            release();
        }
    }

    void barrier() { wait(State::at_barrier); }

    double shuffle(double value, int distance) {
        Thread& self = threads_[current_];
        const std::size_t partner = current_ ^ static_cast<std::size_t>(distance), parity = self.shuffles++ % 2;
        self.shuffled[parity] = value;
        wait(State::at_shuffle);
        return threads_.at(partner).shuffled[parity];
    }

  private:
    enum class State : std::uint8_t { running, at_barrier, at_shuffle, done };
    struct Thread {
        fiber context;
        State state = State::running;
        std::size_t shuffles = 0;
        std::array<double, 2> shuffled{};  // a partner may be one shuffle ahead
    };

    void take_turn(std::size_t thread) {
        if (threads_[thread].state != State::running) return;
        current_ = thread;
        thread_position_.x = static_cast<int>(thread);
        threads_[thread].context = std::move(threads_[thread].context).resume();
    }

    void wait(State state) {
        threads_[current_].state = state;
        scheduler_ = std::move(scheduler_).resume();
    }

    bool all(State state) const {
        return std::ranges::all_of(threads_, [&](const Thread& t) { return t.state == state; });
    }

    /// Lets those go on who have met.
    void release() {
        if (all(State::done)) return;
        if (all(State::at_barrier)) {
            for (Thread& thread : threads_) thread.state = State::running;
            return;
        }
        bool released = false;
        for (auto first = threads_.begin(); first < threads_.end(); first += warp) {
            const auto last = first + std::min<std::int64_t>(warp, threads_.end() - first);
            if (!std::all_of(first, last, [](const Thread& t) { return t.state == State::at_shuffle; })) continue;
            std::for_each(first, last, [](Thread& t) { t.state = State::running; });
            released = true;
        }
        if (!released) throw std::runtime_error("threads of a block wait for others that never come");
    }

    Position& thread_position_;
    std::vector<Thread> threads_;
    fiber scheduler_;
    std::size_t current_ = 0;
};

/// The block whose threads run now on this thread of the system.
thread_local BlockRun* running = nullptr;

std::string text_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

/// Makes FILE.so of FILE.cpp. What the compiler says is in FILE.log.
bool compile(const std::string& file) {
    // -w: what is said of CUDA's own pragmas; errors are not warnings.
    std::vector<std::string> command{"c++",   "-std=c++20", "-O0",        "-w",         "-shared",
                                     "-fPIC", "-o",         file + ".so", file + ".cpp"};
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (std::string& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t output;
    posix_spawn_file_actions_init(&output);
    posix_spawn_file_actions_addopen(&output, STDERR_FILENO, (file + ".log").c_str(), O_WRONLY | O_CREAT, 0600);
    pid_t process = 0;
    const bool started = posix_spawnp(&process, "c++", &output, nullptr, arguments.data(), environ) == 0;
    posix_spawn_file_actions_destroy(&output);
    int status = 1;
    return started && waitpid(process, &status, 0) == process && status == 0;
}

}  // namespace

class EmulatedModule::Library {
  public:
    Library(const std::string& source, const std::vector<std::string>& kernels) {
        const std::string file = folder_.file("module");
        std::ofstream out(file + ".cpp");
        out << words << source << rest;
        for (const std::string& kernel : kernels)
            out << fmt::format("extern \"C\" void call_{0}(void* const* arguments) {{ call({0}, arguments); }}\n",
                               kernel);
        out.close();
        if (!compile(file)) throw std::runtime_error(text_of(file + ".log"));
        handle_ = dlopen((file + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
        if (handle_ == nullptr) throw std::runtime_error(dlerror());
        get<void (*)()>("emulated_barrier") = [] { running->barrier(); };
        get<double (*)(double, int)>("emulated_shuffle") = [](double value, int distance) {
            return running->shuffle(value, distance);
        };
    }
    ~Library() { dlclose(handle_); }
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    /// What is defined there under this name.
    void* find(const std::string& name) const {
        void* const found = dlsym(handle_, name.c_str());
        if (found == nullptr) throw std::runtime_error("the module has no " + name);
        return found;
    }
    template <typename T>
    T& get(const std::string& name) const {
        return *static_cast<T*>(find(name));
    }

  private:
    TemporaryFolder folder_;
    void* handle_ = nullptr;
};

EmulatedModule::EmulatedModule(const std::string& source, const std::vector<std::string>& kernels)
    : library_(std::make_unique<const Library>(source, kernels)) {}
EmulatedModule::~EmulatedModule() = default;

void* EmulatedModule::find(const std::string& name) const { return library_->find(name); }

void EmulatedModule::launch(const std::string& kernel, std::int64_t blocks, std::int64_t threads,
                            std::int64_t shared_bytes, const std::vector<void*>& arguments, TurnOrder order) const {
    const auto call = reinterpret_cast<void (*)(void* const*)>(library_->find("call_" + kernel));
    library_->get<Position>("gridDim").x = static_cast<int>(blocks);
    library_->get<Position>("blockDim").x = static_cast<int>(threads);
    auto* const shared = static_cast<double*>(library_->find("shared_memory"));
    constexpr std::size_t stack_size = 64 << 10;
    boost::context::pooled_fixedsize_stack stacks(stack_size);
    for (std::int64_t block = 0; block < blocks; ++block) {
        library_->get<Position>("blockIdx").x = static_cast<int>(block);
        // What a kernel did not ask for is not its own.
        std::fill_n(shared, (shared_bytes + 7) / 8 + warp, std::numeric_limits<double>::quiet_NaN());
        BlockRun run(
            threads, library_->get<Position>("threadIdx"), [&] { call(arguments.data()); }, stacks);
        running = &run;
        run.run(order);
        for (std::int64_t i = (shared_bytes + 7) / 8; i < (shared_bytes + 7) / 8 + warp; ++i)
            if (shared[i] == shared[i]) throw std::runtime_error("a kernel wrote beyond its shared memory");
    }
    running = nullptr;
}

}  // namespace normact::evaluator::cuda
