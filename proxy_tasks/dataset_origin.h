#pragma once

#include <string_view>

namespace normact::proxy_tasks {

/// Where a data set's images come from.
enum class Origin {
    published,  ///< files that people know, in the usual places
    made,       ///< by this program
    user,       ///< files of the user's own, in a folder that settings must name
};

/// Throws std::invalid_argument for an unknown name.
Origin origin_of(std::string_view dataset);

}  // namespace normact::proxy_tasks
