#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace normact::results {

/// Copies a study from one place to another (study.h), between databases or within one: all that it holds, as it is at
/// one moment, while others may work for it. The copy appears at once and whole. `progress` is called with the number
/// of rows that are copied so far. Throws StoreError if there is no study, or one where the copy should be.
void copy_study(const std::string& from, const std::string& to,
                const std::function<void(std::int64_t rows)>& progress = {});

}  // namespace normact::results
