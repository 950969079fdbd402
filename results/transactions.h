#pragma once

#include "results/dialect.h"
#include "results/store.h"

#include <memory>
#include <string>
#include <utility>

namespace normact::results {

/// An open connection to a study whose tables are of the present version; `place` names it in messages.
struct Connection {
    std::unique_ptr<soci::session> session;
    Dialect dialect;
    std::string place;
};

/// Throws StoreUnavailable for what passes, StoreError for what does not. `place` names the study.
[[noreturn]] inline void throw_trouble(const std::string& place, const Trouble& trouble) {
    if (trouble.passing) throw StoreUnavailable(place + ": " + trouble.advice);
    throw StoreError(place + ": " + trouble.advice);
}

/// What every store over a SQL database is made of: each of its members is one transaction.
class Transactions {
  protected:
    explicit Transactions(Connection connection)
        : session_(std::move(connection.session)),
          sql_(*session_),
          dialect_(std::move(connection.dialect)),
          place_(std::move(connection.place)) {}

    /// Runs `body` as one transaction: whole or not at all. Errors of the database become StoreError or
    /// StoreUnavailable.
    template <class Body>
    auto transaction(const Dialect::Statements& beginning, Body body) {
        try {
            for (const auto& statement : beginning) sql_ << statement;
            auto result = body();
            sql_ << "COMMIT";
            return result;
        } catch (const soci::soci_error& error) {
            roll_back();
            throw_trouble(place_, dialect_.explain(error));
        } catch (const WorkerRefused& error) {
            roll_back();
            throw WorkerRefused(place_ + ": " + error.what());
        } catch (const StoreError& error) {
            roll_back();
            throw StoreError(place_ + ": " + error.what());
        } catch (...) {
            roll_back();
            throw;
        }
    }
    template <class Body>
    auto read(Body body) {
        return transaction(dialect_.read, body);
    }
    /// For who looks on for long: what is read lies where it was opened.
    template <class Body>
    auto read_in_place(Body body) {
        return transaction(dialect_.read, in_place(body));
    }
    template <class Body>
    auto write(Body body) {
        return transaction(dialect_.write, in_place(body));
    }
    /// For what cost minutes of training. Once the disk has it, it has all earlier transactions too.
    template <class Body>
    auto write_durably(Body body) {
        return transaction(dialect_.write_surely, in_place(body));
    }
    /// Within a transaction: what a crash may take back. The counts stay right, and leases run out.
    void record_lightly() {
        if (!dialect_.lightly.empty()) sql_ << dialect_.lightly;
    }

  private:
    template <class Body>
    auto in_place(Body body) {
        return [this, body] {
            dialect_.check_place();
            return body();
        };
    }
    void roll_back() {
        try {
            sql_ << "ROLLBACK";
        } catch (const soci::soci_error&) {  // the database has done it by itself, as SQLite does on a full disk
        }
    }

    std::unique_ptr<soci::session> session_;

  protected:
    soci::session& sql_;
    Dialect dialect_;
    std::string place_;
};

}  // namespace normact::results
