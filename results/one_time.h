#pragma once

#include <soci/soci.h>

#include <string>

namespace normact::results {

/// Runs a statement to which variables were given by exchange(), without preparing it under a name: a pooler may give
/// the next transaction another connection, which does not know the name. Rows are fetched by the caller, unless there
/// are none: `whole`.
inline void execute_one_time(soci::statement& statement, const std::string& text, bool whole = false) {
    statement.alloc();
    statement.prepare(text, soci::details::st_one_time_query);
    statement.define_and_bind();
    statement.execute(whole);
}

}  // namespace normact::results
