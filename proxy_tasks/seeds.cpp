#include "proxy_tasks/seeds.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>

namespace normact::proxy_tasks {
namespace {

// Part of what a seed means: renaming one changes every score.
constexpr std::array<const char*, 7> stream_names{"initialization", "batches",           "crops", "stability", "audit",
                                                  "latents",        "validation latents"};

}  // namespace

std::uint64_t seed_of(const Trial& trial, Stream stream) {
    const std::string text = std::to_string(trial.study_seed) + '\n' + to_string(trial.layer) + '\n' + trial.task +
                             '\n' + std::to_string(trial.replicate) + '\n' +
                             stream_names[static_cast<std::size_t>(stream)];
    return XXH3_64bits(text.data(), text.size());
}

}  // namespace normact::proxy_tasks
