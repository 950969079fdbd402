#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>
#include <xbyak/xbyak.h>

namespace normact::evaluator::cpu {

/// What compiled kernels may use: AVX2 with FMA, or the AVX-512 of all processors since Skylake-X (F, BW, DQ and VL).
enum class InstructionSet : std::uint8_t { avx2, avx512 };

/// Comparisons of vectors, by their numbers in vcmpps. All but is_nan and not_less_or_nan are false if an operand is
/// NaN.
enum Comparison : std::uint8_t { equal = 0, less = 1, is_nan = 3, not_less_or_nan = 5, not_equal = 12 };

/// The lanes of a vector of a compiled kernel, one cache line, in one register or in parts in two: in channels_last the
/// next pixel lies a line or more away.
inline constexpr int kernel_lanes = 16;
inline constexpr int kernel_vector_bytes = kernel_lanes * 4;

/// A register as wide as those of the instruction set. Xbyak's instructions read the width from the object.
using Vector = Xbyak::Xmm;

/// A choice of lanes: in AVX2 a vector register with all bits of these lanes set, in AVX-512 a mask register.
struct Mask {
    int number;
};

/// Writes code for either instruction set. Beside the instructions that both share it has what they say differently,
/// vectors of one constant, which lie behind the code, and temporary registers.
class VectorAssembler : public Xbyak::CodeGenerator {
  public:
    /// `temporary` gives a vector register that nobody holds, `release` takes it back.
    VectorAssembler(InstructionSet set, std::function<int()> temporary, std::function<void(int)> release);

    bool has_avx512() const { return set_ == InstructionSet::avx512; }
    int lanes() const { return has_avx512() ? 16 : 8; }
    int bytes() const { return lanes() * 4; }
    /// How many registers a vector of a kernel takes.
    int parts() const { return kernel_lanes / lanes(); }
    /// How many vector registers there are.
    int registers() const { return has_avx512() ? most_registers : 16; }
    static constexpr int most_registers = 32;
    Vector vector(int number) const;

    /// A vector of this constant in memory.
    Xbyak::Address constant(float value);
    Xbyak::Address constant_bits(std::uint32_t bits);

    /// A register for as long as this object lives.
    class Temporary {
      public:
        explicit Temporary(VectorAssembler& assembler) : assembler_(assembler), register_(assembler.temporary_()) {}
        ~Temporary() { assembler_.release_(register_); }
        Temporary(const Temporary&) = delete;
        Temporary& operator=(const Temporary&) = delete;
        operator Vector() const { return assembler_.vector(register_); }

      private:
        VectorAssembler& assembler_;
        int register_;
    };

    /// A mask register of AVX-512 that is never a temporary one.
    static constexpr Mask lasting_mask{7};
    /// A mask for as long as this object lives.
    class TemporaryMask {
      public:
        explicit TemporaryMask(VectorAssembler& assembler) : assembler_(assembler), mask_(assembler.take_mask()) {}
        ~TemporaryMask() { assembler_.release_mask(mask_); }
        TemporaryMask(const TemporaryMask&) = delete;
        TemporaryMask& operator=(const TemporaryMask&) = delete;
        operator Mask() const { return mask_; }

      private:
        VectorAssembler& assembler_;
        Mask mask_;
    };

    /// The lanes of which the comparison is true.
    void compare(Mask to, Vector x, const Xbyak::Operand& y, Comparison comparison);
    /// `yes` where the mask is set, `no` elsewhere.
    void select(Vector to, Mask where, const Xbyak::Operand& yes, Vector no);
    /// The value where the mask is set, 0 elsewhere.
    void keep_where(Vector to, Mask where, const Xbyak::Operand& value);
    /// Only these lanes are read, the others 0; only these are written.
    void load_where(Vector to, Mask where, const Xbyak::Address& from);
    void store_where(const Xbyak::Address& to, Mask where, Vector from);
    /// To the nearest whole number, ties to even.
    void round(Vector to, Vector x);
    /// Both halves of `low` in double: the first stays there, the second comes into `high`.
    void widen(Vector low, Vector high);
    /// The lower 16 bits of each lane, which are all there is in it. Overwrites both registers.
    void store_words(const Xbyak::Address& to, Vector from, Vector scratch);

    /// Writes the constants; nothing may follow.
    void finish();

  private:
    Mask take_mask();
    void release_mask(Mask mask);

    InstructionSet set_;
    std::function<int()> temporary_;
    std::function<void(int)> release_;
    std::array<bool, 8> masks_taken_{};  ///< of AVX-512
    std::map<std::uint32_t, std::size_t> constants_;
    std::vector<std::uint32_t> in_order_;
    Xbyak::Label pool_;
};

}  // namespace normact::evaluator::cpu
