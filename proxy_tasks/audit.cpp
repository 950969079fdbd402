#include "proxy_tasks/audit.h"

#include "proxy_tasks/seeds.h"

namespace normact::proxy_tasks {

bool is_audited(double share, std::uint64_t study_seed, const primitives::Hash128& layer) {
    Generator generator = generator_of({.study_seed = study_seed, .layer = layer, .task = ""}, Stream::audit);
    return uniform_unit(generator) < share;
}

}  // namespace normact::proxy_tasks
