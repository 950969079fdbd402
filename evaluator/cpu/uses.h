#pragma once

#include "evaluator/cpu/pass_code.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace normact::evaluator::cpu {

/// Which steps still need a value, to tell which one to give up when registers run out.
class Uses {
  public:
    explicit Uses(const PassCode& code);

    /// The number of the next step at or after `step` that reads the value; sums, stores and what is kept count as
    /// steps behind the last one. `never` if there is none.
    std::size_t next(const Operand& value, std::size_t step) const;

    static constexpr std::size_t never = ~std::size_t{0};

  private:
    const std::vector<std::size_t>& of(const Operand& value) const;

    std::vector<std::vector<std::size_t>> inputs_, kept_, steps_;
    std::vector<std::size_t> none_;
};

}  // namespace normact::evaluator::cpu
