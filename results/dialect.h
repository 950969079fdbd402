#pragma once

#include <soci/soci.h>

#include <functional>
#include <string>

namespace normact::results {

/// What differs between databases in the SQL that a study needs.
struct Dialect {
    std::string identity;     ///< type of a column that numbers its rows
    std::string now;          ///< the database's clock: seconds since 1970 with a fraction
    std::string begin;        ///< starts a transaction that writes
    std::string durable;      ///< makes later transactions survive a power loss
    std::string relaxed;      ///< makes them survive kill -9 alone, which is many times faster
    std::string lock_row;     ///< at the end of a SELECT: nobody else changes the row until the end of the transaction
    std::string skip_locked;  ///< the same, passing over rows that others hold
    /// Throws StoreError if what is written from now on would not be found where the study was opened.
    std::function<void()> check_place;
    /// Says in words what an error of the database means and what to do.
    std::function<std::string(const soci::soci_error&)> explain;
};

}  // namespace normact::results
