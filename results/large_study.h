#pragma once

// Studies as large as a search of days makes them, for tests and benchmarks of how a store stands them.

#include "primitives/generator.h"
#include "primitives/space.h"
#include "results/dialect.h"
#include "results/rows.h"

#include <soci/soci.h>

#include <string>

namespace normact::results {

/// Random graphs as rows of SQL: (0, '...'), (1, '...').
inline std::string random_graphs(int count) {
    Generator generator(1);
    std::string rows;
    for (int i = 0; i < count; ++i) {
        const auto graph = primitives::random_graph(generator, primitives::paper_space(true));
        rows += (i == 0 ? "(" : ", (") + std::to_string(i) + ", '" + graph_column(graph) + "')";
    }
    return rows;
}

/// Stores so many candidates in a study that is empty, by a few statements, as no search could in time, of a thousand
/// workers. Half of a search's candidates are invalid, a fifth duplicates; of what is evaluated a fifth is scored here.
inline void fill_with_candidates(soci::session& sql, const Dialect& dialect, int stored) {
    const std::string key = "SUBSTR('00000000000000000000000000000000' || n, LENGTH('' || n) + 1, 32)";
    const std::string worker = "1 + n % 1000", is_scored = "n % 10 = 9", is_evaluated = "n % 10 >= 5";
    const std::string accuracy = "0.1 + n * 1e-8";
    const int different = 500;
    const auto insert = [&](const std::string& into, const std::string& values, const std::string& condition,
                            int last) {
        sql << "INSERT INTO " + into + " WITH RECURSIVE graphs (i, graph) AS (VALUES " + random_graphs(different) +
                   "), numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < " + std::to_string(last) +
                   ") SELECT " + values + " FROM numbers JOIN graphs ON i = n % " + std::to_string(different) +
                   " WHERE " + condition;
    };
    insert("worker (id, host, process, device, engine, build, started)", "n, 'filler', n, 'cpu', 'cpu', '0', 0",
           "1 = 1", 1000);
    insert("candidate (id, fingerprint, hash, graph, origin, proposer, invalid, position)",
           "n, " + key + ", " + key + ", graph, 'random', " + worker + ", CASE WHEN NOT (" + is_evaluated +
               ") THEN 'not finite' END, CASE WHEN " + is_scored + " THEN n / 10 + 1 END",
           "1 = 1", stored);
    insert(
        "evaluation (fingerprint, candidate, attempts, worker, lease_until, reason, seconds, finished,"
        " state, rejection, mean_accuracy)",
        key + ", n, 1, " + worker + ", 0, '', 1, n * 1.0, CASE WHEN " + is_scored +
            " THEN 'scored' ELSE 'rejected' END, CASE WHEN " + is_scored +
            " THEN 'none' ELSE 'quality' END, CASE WHEN " + is_scored + " THEN " + accuracy + " END",
        is_evaluated, stored);
    for (const std::string task : {"test/a", "test/b", "test/c"})
        insert("score (fingerprint, task, replicate, accuracy, seconds, worker)",
               key + ", '" + task + "', 0, " + accuracy + ", 1, " + worker, is_scored, stored);
    sql << "UPDATE counts SET proposed = (SELECT COUNT(*) FROM candidate),"
           " invalid = (SELECT COUNT(invalid) FROM candidate),"
           " quality = (SELECT COUNT(*) FROM evaluation WHERE state = 'rejected'),"
           " scored = (SELECT COUNT(position) FROM candidate) WHERE part = 0";
    sql << "UPDATE positions SET last = (SELECT COUNT(position) FROM candidate)";
    for (const char* table : {"worker", "candidate", "score"})
        for (const std::string& statement : dialect.number_behind(table)) sql << statement;
}

}  // namespace normact::results
