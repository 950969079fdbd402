#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>
#include <xbyak/xbyak.h>

namespace normact::evaluator::cpu {

/// Comparisons of vectors, by their numbers in vcmpps. All but is_nan and not_less_or_nan are false if an operand is
/// NaN.
enum Comparison : std::uint8_t { equal = 0, less = 1, is_nan = 3, not_less_or_nan = 5, not_equal = 12 };

/// Writes AVX2 code. Beside the instructions it has vectors of one constant, which lie behind the code, and temporary
/// registers.
class VectorAssembler : public Xbyak::CodeGenerator {
  public:
    static constexpr int lanes = 8;

    /// `temporary` gives a register that nobody holds, `release` takes it back.
    VectorAssembler(std::function<int()> temporary, std::function<void(int)> release);

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
        operator Xbyak::Ymm() const { return Xbyak::Ymm(register_); }

      private:
        VectorAssembler& assembler_;
        int register_;
    };

    /// Writes the constants; nothing may follow.
    void finish();

  private:
    std::function<int()> temporary_;
    std::function<void(int)> release_;
    std::map<std::uint32_t, std::size_t> constants_;
    std::vector<std::uint32_t> in_order_;
    Xbyak::Label pool_;
};

}  // namespace normact::evaluator::cpu
