#pragma once

#include <soci/soci.h>

#include <functional>
#include <string>
#include <vector>

namespace normact::results {

/// What an error of the database means.
struct Trouble {
    std::string advice;    ///< in words, with what to do
    bool passing = false;  ///< the same call may work in a while: the database is away or busy
};

/// What differs between databases in the SQL that a study needs.
struct Dialect {
    using Statements = std::vector<std::string>;

    std::string identity;     ///< type of a column that numbers its rows
    std::string now;          ///< the database's clock: seconds since 1970 with a fraction
    Statements read;          ///< starts a transaction that reads, and sees one state of the study
    Statements write;         ///< starts one that writes, and survives kill -9
    Statements write_surely;  ///< starts one that survives a power loss, too, with all that were before it
    /// Within one: its end need not wait for the disk, for nobody is harmed if a crash of the database takes it back.
    /// Empty where it doesn't wait anyway.
    std::string lightly;
    std::string lock_row;     ///< at the end of a SELECT: nobody else changes the row until the end of the transaction
    std::string share_row;    ///< the same, but any number of transactions may do that at once
    std::string skip_locked;  ///< as lock_row, passing over rows that others hold
    /// Statements after which new rows of these tables are numbered behind those that are there.
    std::function<Statements(const std::string& table)> number_behind;
    /// Throws StoreError if the study lies no more where it was opened: what is written would not be found there.
    std::function<void()> check_place;
    std::function<Trouble(const soci::soci_error&)> explain;
};

/// Fills the tables of a new study, which are there and empty, within the transaction that makes it.
using Fill = std::function<void(soci::session&, const Dialect&)>;

/// A new study's only content: its configuration.
Fill configured(const std::string& configuration);

}  // namespace normact::results
