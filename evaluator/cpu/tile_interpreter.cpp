#include "evaluator/cpu/tile_interpreter.h"

#include <algorithm>
#include <array>
#include <bit>
#include <stdexcept>
#include <utility>
#include <vector>

// This source is compiled once for each vector extension that Highway knows; the best one is chosen at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "evaluator/cpu/tile_interpreter.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h
#include <hwy/aligned_allocator.h>
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace normact::evaluator::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Float = hn::ScalableTag<float>;
using Vector = hn::Vec<Float>;

constexpr std::int64_t tile = 16;  // vectors

int Lanes() { return static_cast<int>(hn::Lanes(Float())); }

/// Where the vectors of an operand lie: `step` numbers apart; 0: it is the same one always.
struct Source {
    const float* data;
    std::size_t step;
};

template <typename Function>
void Map1(const Source& a, float* result, std::int64_t count, Function function) {
    const Float d;
    for (std::int64_t i = 0; i < count; ++i)
        hn::Store(function(d, hn::Load(d, a.data + i * a.step)), d, result + i * hn::Lanes(d));
}

template <typename Function>
void Map2(const Source& a, const Source& b, float* result, std::int64_t count, Function function) {
    const Float d;
    for (std::int64_t i = 0; i < count; ++i)
        hn::Store(function(d, hn::Load(d, a.data + i * a.step), hn::Load(d, b.data + i * b.step)), d,
                  result + i * hn::Lanes(d));
}

struct Exponential {
    Vector operator()(Float d, Vector x) const {
        // Highway's own gives NaN for infinity.
        const Vector inner = hn::Exp(d, hn::Min(hn::Max(x, hn::Set(d, -104.0f)), hn::Set(d, 89.0f)));
        const Vector large = hn::IfThenElse(hn::Gt(x, hn::Set(d, 88.72284f)), hn::Inf(d), inner);
        return hn::IfThenElse(hn::IsNaN(x), x, large);
    }
};

struct Sigmoid {
    Vector operator()(Float d, Vector x) const {
        // exp(−|x|) does not overflow.
        const Vector one = hn::Set(d, 1.0f), e = Exponential()(d, hn::Neg(hn::Abs(x)));
        return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
    }
};

void Apply(const Step& step, const Source& a, const Source& b, const Source& c, float* result, std::int64_t count) {
    switch (step.operation) {
        case Operation::add:
            return Map2(a, b, result, count, [](auto, auto x, auto y) { return hn::Add(x, y); });
        case Operation::subtract:
            return Map2(a, b, result, count, [](auto, auto x, auto y) { return hn::Sub(x, y); });
        case Operation::multiply:
            return Map2(a, b, result, count, [](auto, auto x, auto y) { return hn::Mul(x, y); });
        case Operation::divide:
            return Map2(a, b, result, count, [](auto, auto x, auto y) { return hn::Div(x, y); });
        case Operation::maximum:
            return Map2(a, b, result, count, [](auto, auto x, auto y) {
                const auto larger = hn::IfThenElse(hn::Gt(x, y), x, y);
                return hn::IfThenElse(hn::IsNaN(x), x, larger);
            });
        case Operation::negate:
            return Map1(a, result, count, [](auto, auto x) { return hn::Neg(x); });
        case Operation::abs:
            return Map1(a, result, count, [](auto, auto x) { return hn::Abs(x); });
        case Operation::sign:
            return Map1(a, result, count, [](auto d, auto x) {
                const auto zero = hn::Zero(d), one = hn::Set(d, 1.0f);
                const auto positive = hn::IfThenElseZero(hn::Gt(x, zero), one);
                return hn::IfThenElse(hn::Lt(x, zero), hn::Neg(one), positive);
            });
        case Operation::sqrt:
            return Map1(a, result, count, [](auto, auto x) { return hn::Sqrt(x); });
        case Operation::log:
            return Map1(a, result, count, [](auto d, auto x) {
                const auto finite = hn::Log(d, x);
                const auto kept = hn::Or(hn::Eq(x, hn::Inf(d)), hn::IsNaN(x));
                const auto zero = hn::Eq(x, hn::Zero(d));
                return hn::IfThenElse(kept, x, hn::IfThenElse(zero, hn::Neg(hn::Inf(d)), finite));
            });
        case Operation::exp:
            return Map1(a, result, count, Exponential());
        case Operation::sigmoid:
            return Map1(a, result, count, Sigmoid());
        case Operation::tanh:
            return Map1(a, result, count, [](auto d, auto x) {
                const auto limit = hn::Set(d, 10.0f);
                const auto inner = hn::Tanh(d, hn::Min(hn::Max(x, hn::Neg(limit)), limit));
                return hn::IfThenElse(hn::IsNaN(x), x, inner);
            });
        case Operation::where_zero: {
            const Float d;
            for (std::int64_t i = 0; i < count; ++i) {
                const auto is_zero = hn::Eq(hn::Load(d, a.data + i * a.step), hn::Zero(d));
                hn::Store(hn::IfThenElse(is_zero, hn::Load(d, b.data + i * b.step), hn::Load(d, c.data + i * c.step)),
                          d, result + i * hn::Lanes(d));
            }
            return;
        }
        case Operation::input:
        case Operation::constant:
        case Operation::mean:
            break;
    }
    throw std::logic_error("tile interpreter: not an elementwise operation");
}

void LoadTile(const char* from, std::int64_t stride, std::int64_t count, std::int64_t lanes, ElementType type,
              float* to) {
    const auto full = static_cast<std::int64_t>(hn::Lanes(Float()));
    for (std::int64_t i = 0; i < count; ++i, from += stride, to += full) {
        if (type == ElementType::float32) {
            std::copy_n(reinterpret_cast<const float*>(from), lanes, to);
        } else {
            const auto* words = reinterpret_cast<const std::uint16_t*>(from);
            for (std::int64_t l = 0; l < lanes; ++l) to[l] = std::bit_cast<float>(std::uint32_t{words[l]} << 16);
        }
        std::fill(to + lanes, to + full, 0.0f);
    }
}

/// To the nearest, ties to even; NaN stays NaN.
std::uint16_t RoundToBfloat16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if (value != value) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
    return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void StoreTile(const Source& from, std::int64_t stride, std::int64_t count, std::int64_t lanes, ElementType type,
               char* to) {
    for (std::int64_t i = 0; i < count; ++i, to += stride) {
        const float* vector = from.data + i * from.step;
        if (type == ElementType::float32)
            std::copy_n(vector, lanes, reinterpret_cast<float*>(to));
        else
            std::transform(vector, vector + lanes, reinterpret_cast<std::uint16_t*>(to), RoundToBfloat16);
    }
}

void AddUp(const Source& from, std::int64_t count, std::int64_t lanes, double* sums) {
    const Float d;
    Vector sum = hn::Zero(d);
    for (std::int64_t i = 0; i < count; ++i) sum = hn::Add(sum, hn::Load(d, from.data + i * from.step));
    HWY_ALIGN std::array<float, HWY_MAX_BYTES / sizeof(float)> parts{};
    hn::Store(sum, d, parts.data());
    for (std::int64_t l = 0; l < lanes; ++l) sums[l] += parts[l];
}

/// Vectors that share small values and sums.
struct Run {
    std::int64_t offset;  // bytes to the first one
    std::int64_t stride;  // bytes from one to the next
    std::int64_t count, lanes;
    const float* small_values;
    double* sums;
    float* kept;              // of the first one
    std::size_t kept_stride;  // numbers from there to the next one's
};

struct Interpretation {
    const PassCode& code;
    ElementType type;
    const KernelCall& call;
    float* scratch;  // a tile for each input, then for each step; then a vector for each constant

    /// `first`: the tile's first vector in the run.
    Source source(const Operand& operand, const Run& run, std::int64_t first) const {
        const std::size_t lanes = hn::Lanes(Float());
        const std::size_t size = tile * lanes;
        switch (operand.kind) {
            case Operand::Kind::input:
                return {scratch + operand.number * size, lanes};
            case Operand::Kind::kept:
                return {kept(operand.number, run, first), run.kept_stride};
            case Operand::Kind::step:
                return {scratch + (code.inputs + operand.number) * size, lanes};
            case Operand::Kind::small_value:
                return {run.small_values + operand.number * lanes, 0};
            case Operand::Kind::constant:
                break;
        }
        return {scratch + (code.inputs + code.steps.size()) * size + operand.number * lanes, 0};
    }

    static float* kept(std::uint32_t place, const Run& run, std::int64_t first) {
        return run.kept + static_cast<std::size_t>(first) * run.kept_stride + place * hn::Lanes(Float());
    }

    void run(const Run& run) const {
        for (std::int64_t i = 0; i < run.count; i += tile) run_tile(run, i, std::min(tile, run.count - i));
    }

    void run_tile(const Run& run, std::int64_t first, std::int64_t count) const {
        const std::int64_t offset = run.offset + first * run.stride;
        const std::size_t size = tile * hn::Lanes(Float());
        for (std::uint32_t i = 0; i < code.inputs; ++i)
            LoadTile(static_cast<const char*>(call.inputs[i]) + offset, run.stride, count, run.lanes, type,
                     scratch + i * size);
        for (std::size_t i = 0; i < code.steps.size(); ++i) {
            const Step& step = code.steps[i];
            const auto operand = [&](int which) {
                return which < row_of(step.operation).arity ? source(step.operands[which], run, first)
                                                            : Source{nullptr, 0};
            };
            Apply(step, operand(0), operand(1), operand(2), scratch + (code.inputs + i) * size, count);
        }
        for (std::size_t i = 0; i < code.plane_means.size(); ++i)
            AddUp(source(code.plane_means[i], run, first), count, run.lanes, run.sums + i * hn::Lanes(Float()));
        for (std::size_t i = 0; i < code.outputs.size(); ++i)
            StoreTile(source(code.outputs[i], run, first), run.stride, count, run.lanes, type,
                      static_cast<char*>(call.outputs[i]) + offset);
        for (const PassCode::Keep& keep : code.keeps) {
            const Source from = source(keep.value, run, first);
            float* to = kept(keep.place, run, first);
            for (std::int64_t i = 0; i < count; ++i, to += run.kept_stride)
                std::copy_n(from.data + i * from.step, hn::Lanes(Float()), to);
        }
    }
};

void Interpret(const PassCode& code, ElementType type, Layout layout, const KernelCall& call) {
    const std::size_t lanes = hn::Lanes(Float());
    const std::size_t size =
        (code.inputs + code.steps.size()) * tile * lanes + std::max<std::size_t>(code.constants.size(), 1) * lanes;
    const auto scratch = hwy::AllocateAligned<float>(size);
    if (!scratch) throw std::bad_alloc();
    float* constants = scratch.get() + size - std::max<std::size_t>(code.constants.size(), 1) * lanes;
    for (std::size_t i = 0; i < code.constants.size(); ++i)
        std::fill_n(constants + i * lanes, lanes, code.constants[i]);
    const Interpretation interpretation{code, type, call, scratch.get()};
    const auto all_lanes = static_cast<std::int64_t>(lanes);
    const std::int64_t bytes = all_lanes * bytes_of(type), behind = call.columns * bytes;
    const std::size_t kept = code.kept_values * lanes;
    const std::int64_t columns = call.columns + (call.lanes_left > 0 ? 1 : 0);
    if (layout == Layout::contiguous) {
        for (std::int64_t r = 0; r < call.rows; ++r) {
            const auto row = static_cast<std::size_t>(r);
            const float* small_values = call.small_values + row * code.small_values * lanes;
            double* sums = call.sums + row * code.plane_means.size() * lanes;
            float* to = call.kept + row * static_cast<std::size_t>(columns) * kept;
            const std::int64_t start = r * (behind + call.gap);
            interpretation.run({start, bytes, call.columns, all_lanes, small_values, sums, to, kept});
            if (call.lanes_left > 0)
                interpretation.run({start + behind, bytes, 1, call.lanes_left, small_values, sums,
                                    to + static_cast<std::size_t>(call.columns) * kept, kept});
        }
        return;
    }
    for (std::int64_t c = 0; c < columns; ++c) {
        const auto column = static_cast<std::size_t>(c);
        interpretation.run({c * bytes, behind + call.gap, call.rows, c < call.columns ? all_lanes : call.lanes_left,
                            call.small_values + column * code.small_values * lanes,
                            call.sums + column * code.plane_means.size() * lanes, call.kept + column * kept,
                            static_cast<std::size_t>(columns) * kept});
    }
}

}  // namespace normact::evaluator::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normact::evaluator::cpu {
namespace {

HWY_EXPORT(Lanes);
HWY_EXPORT(Interpret);

class InterpretedKernel : public Kernel {
  public:
    InterpretedKernel(PassCode code, ElementType type, Layout layout)
        : code_(std::move(code)), type_(type), layout_(layout) {}
    void run(const KernelCall& call) const override { HWY_DYNAMIC_DISPATCH(Interpret)(code_, type_, layout_, call); }

  private:
    PassCode code_;
    ElementType type_;
    Layout layout_;
};

class TileInterpreter : public KernelMaker {
  public:
    std::string_view name() const override { return "interpreter"; }
    int lanes() const override { return HWY_DYNAMIC_DISPATCH(Lanes)(); }
    std::unique_ptr<const Kernel> make(const PassCode& code, ElementType type, Layout layout) const override {
        return std::make_unique<InterpretedKernel>(code, type, layout);
    }
};

}  // namespace

const KernelMaker& tile_interpreter() {
    static const TileInterpreter maker;
    return maker;
}

}  // namespace normact::evaluator::cpu
#endif
