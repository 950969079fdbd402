#include "evaluator/cuda/prelude.h"

namespace normact::evaluator::cuda {
namespace {

constexpr const char* elements = R"(
typedef long long Index;

struct BFloat16 { unsigned short bits; };
struct Float16 { unsigned short bits; };

__device__ inline float to_float(float value) { return value; }
__device__ inline float to_float(BFloat16 value) { return __uint_as_float((unsigned)value.bits << 16); }
__device__ inline void set(float& to, float value) { to = value; }
__device__ inline void set(BFloat16& to, float value) {  // to the nearest, ties to even
    const unsigned bits = __float_as_uint(value);
    to.bits = value != value ? 0x7fff : (unsigned short)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
#ifndef NORMACT_EMULATION
__device__ inline float half_to_float(unsigned short bits) {
    float result;
    asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(bits));
    return result;
}
__device__ inline unsigned short float_to_half(float value) {
    unsigned short result;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result) : "f"(value));
    return result;
}
#endif
__device__ inline float to_float(Float16 value) { return half_to_float(value.bits); }
__device__ inline void set(Float16& to, float value) { to.bits = float_to_half(value); }

// Elements that lie side by side, loaded and stored as one.
template <typename Element, int size>
struct alignas(sizeof(Element) * size) Pack { Element elements[size]; };
)";

constexpr const char* operations = R"(
template <typename Number>
__device__ inline Number maximum(Number a, Number b) { return a != a || a > b ? a : b; }
template <typename Number>
__device__ inline Number sign(Number a) { return (Number)((a > 0) - (a < 0)); }
template <typename Number>
__device__ inline Number where_zero(Number a, Number b, Number c) { return a == 0 ? b : c; }
__device__ inline float absolute(float a) { return fabsf(a); }
__device__ inline double absolute(double a) { return fabs(a); }
__device__ inline float signed_root(float a) { return copysignf(sqrtf(fabsf(a)), a); }
__device__ inline double signed_root(double a) { return copysign(sqrt(fabs(a)), a); }
__device__ inline float signed_log(float a) { return a == 0 ? 0 : a < 0 ? -logf(-a) : logf(a); }
__device__ inline double signed_log(double a) { return a == 0 ? 0 : a < 0 ? -log(-a) : log(a); }
__device__ inline float exponential(float a) { return expf(a); }
__device__ inline double exponential(double a) { return exp(a); }
__device__ inline float sigmoid(float a) { return 1.0f / (1.0f + expf(-a)); }
__device__ inline double sigmoid(double a) { return 1.0 / (1.0 + exp(-a)); }
__device__ inline float hyperbolic_tangent(float a) { return tanhf(a); }
__device__ inline double hyperbolic_tangent(double a) { return tanh(a); }
)";

constexpr const char* sums = R"(
// Adds to a sum, and what its rounding took off to `lost`, if the sum is no smaller than the value (Dekker 1971).
__device__ inline void add_exactly(float& sum, float& lost, float value) {
    const float before = sum;
    sum = before + value;
    lost += value - (sum - before);
}

extern __shared__ __align__(16) double shared_memory[];

__device__ inline double sum_of_warp(double value) {
    for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(0xffffffffu, value, distance);
    return value;
}

// The sums over all threads of the block, which all of them call, and all of them get.
template <int count>
__device__ inline void sum_over_block(double (&values)[count]) {
    const int warp = threadIdx.x / 32, warps = blockDim.x / 32;
    for (int k = 0; k < count; ++k) values[k] = sum_of_warp(values[k]);
    __syncthreads();  // until nobody reads the sums before these
    if (threadIdx.x % 32 == 0)
        for (int k = 0; k < count; ++k) shared_memory[k * warps + warp] = values[k];
    __syncthreads();
    for (int k = 0; k < count; ++k) {
        values[k] = 0;
        #pragma unroll 4
        for (int w = 0; w < warps; ++w) values[k] += shared_memory[k * warps + w];
    }
}

// Adds up rows of shared memory, a power of two of them, into the first one.
__device__ inline void add_up_rows(int rows, int columns) {
    __syncthreads();
    #pragma unroll 1
    for (int half = rows / 2; half > 0; half /= 2) {
        #pragma unroll 1
        for (int i = threadIdx.x; i < half * columns; i += blockDim.x) shared_memory[i] += shared_memory[half * columns + i];
        __syncthreads();
    }
}

// Threads in rows of `width`: the sums over the rows, for each place in a row, which all threads get.
template <int width, int count>
__device__ inline void sum_over_images(double (&values)[count]) {
    for (int k = 0; k < count; ++k) {
        __syncthreads();
        shared_memory[threadIdx.x] = values[k];
        add_up_rows(blockDim.x / width, width);
        values[k] = shared_memory[threadIdx.x % width];
    }
}

// Threads in rows, each with `size` values: the sums over the rows, one for each of the first threads.
template <int size>
__device__ inline double sum_over_rows(const double (&values)[size], int width) {
    const int columns = width * size;
    __syncthreads();
    for (int j = 0; j < size; ++j) shared_memory[threadIdx.x * size + j] = values[j];
    add_up_rows(blockDim.x / width, columns);
    return threadIdx.x < columns ? shared_memory[threadIdx.x] : 0;
}
)";

const char* name_of(ElementType type) {
    switch (type) {
        case ElementType::float32:
            return "float";
        case ElementType::bfloat16:
            return "BFloat16";
        case ElementType::float16:
            return "Float16";
    }
    return "";
}

}  // namespace

std::string prelude(ElementType type) {
    return std::string(elements) + "typedef " + name_of(type) + " Element;\n" + operations + sums;
}

}  // namespace normact::evaluator::cuda
