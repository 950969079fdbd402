#include "results/sql_study_view.h"

#include "results/counts.h"
#include "results/one_time.h"
#include "results/page_query.h"
#include "results/rows.h"
#include "results/transactions.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace normact::results {
namespace {

using soci::into;
using soci::use;

class SqlStudyView final : public StudyView, private Transactions {
  public:
    explicit SqlStudyView(Connection connection) : Transactions(std::move(connection)) {}

    std::string configuration() override;
    Funnel funnel() override;
    std::optional<Candidate> find(CandidateId id) override;
    double created() override;
    std::vector<ScoredPoint> scored() override;
    std::vector<Candidate> candidates(std::span<const CandidateId> ids) override;
    std::vector<Candidate> lineage(CandidateId id, int most) override;
    std::vector<Contribution> contributions(int most) override;
    std::optional<double> accuracy_at_rank(std::int64_t rank) override {
        return read_in_place([&] { return read_accuracy_at_rank(sql_, rank); });
    }
    std::vector<Audit> audits() override {
        return read_in_place([&] { return read_audits(sql_); });
    }
    CandidatePage page(const CandidateQuery& query) override;
};

/// Ids as a selection for read_candidates, in this order.
std::string selection_of(std::span<const CandidateId> ids) {
    std::string rows;
    for (std::size_t place = 0; place < ids.size(); ++place)
        rows += (place == 0 ? "(" : ", (") + std::to_string(ids[place]) + ", " + std::to_string(place) + ")";
    return "SELECT column1 AS chosen, column2 AS place FROM (VALUES " + rows + ") AS listed";
}

std::vector<Candidate> read_listed(soci::session& sql, std::span<const CandidateId> ids) {
    if (ids.empty()) return {};
    return read_candidates(sql, selection_of(ids));
}

std::string SqlStudyView::configuration() {
    return read_in_place([&] {
        std::string configuration;
        sql_ << "SELECT configuration FROM study", into(configuration);
        if (!sql_.got_data()) throw StoreError("the study's configuration is missing: restore it from a copy");
        return configuration;
    });
}

Funnel SqlStudyView::funnel() {
    return read_in_place([&] { return read_funnel(sql_); });
}

double SqlStudyView::created() {
    return read_in_place([&] {
        double created = 0;
        sql_ << "SELECT created FROM study", into(created);
        return created;
    });
}

std::optional<Candidate> SqlStudyView::find(CandidateId id) {
    auto found = candidates(std::span(&id, 1));
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

std::vector<ScoredPoint> SqlStudyView::scored() {
    return read_in_place([&] {
        std::vector<ScoredPoint> points;
        long long candidate = 0;
        double mean = 0, finished = 0, created = 0;
        soci::indicator is_known{};
        sql_ << "SELECT created FROM study", into(created);
        soci::statement statement(sql_);
        statement.exchange(into(candidate));
        statement.exchange(into(mean));
        statement.exchange(into(finished, is_known));
        execute_one_time(statement,
                         "SELECT candidate, mean_accuracy, finished FROM evaluation WHERE mean_accuracy IS NOT NULL");
        while (statement.fetch()) {
            const double since = is_known == soci::i_ok ? finished - created : std::numeric_limits<double>::infinity();
            if (std::isfinite(mean))  // others are damage
                points.push_back({candidate, mean, std::isfinite(since) ? since : std::nan("")});
        }
        std::ranges::sort(points, {}, &ScoredPoint::candidate);
        return points;
    });
}

std::vector<Candidate> SqlStudyView::candidates(std::span<const CandidateId> ids) {
    return read_in_place([&] { return read_listed(sql_, ids); });
}

std::vector<Candidate> SqlStudyView::lineage(CandidateId id, int most) {
    return read_in_place([&] {
        // A parent is older than its child, which also ends what a damaged study could make a circle.
        return read_candidates(
            sql_, "WITH RECURSIVE line (id, parent, place) AS (SELECT id, parent, 1 FROM candidate WHERE id = " +
                      std::to_string(id) +
                      " UNION ALL SELECT older.id, older.parent, place + 1 FROM line JOIN candidate AS older ON"
                      " older.id = line.parent AND older.id < line.id WHERE place < " +
                      std::to_string(most) + ") SELECT id AS chosen, place FROM line");
    });
}

std::vector<Contribution> SqlStudyView::contributions(int most) {
    return read_in_place([&] {
        std::vector<Contribution> list;
        Contribution row;
        long long workers = 0, evaluated = 0;
        soci::statement statement(sql_);
        statement.exchange(into(row.host));
        statement.exchange(into(row.device));
        statement.exchange(into(row.engine));
        statement.exchange(into(row.build));
        statement.exchange(into(workers));
        statement.exchange(into(evaluated));
        execute_one_time(
            statement,
            "SELECT host, device, engine, build, COUNT(*), CAST(SUM(evaluated) AS BIGINT) FROM worker"
            " WHERE evaluated > 0 GROUP BY host, device, engine, build ORDER BY 6 DESC, 1, 2, 3, 4 LIMIT " +
                std::to_string(most));
        while (statement.fetch()) {
            row.workers = workers;
            row.evaluated = evaluated;
            list.push_back(row);
        }
        return list;
    });
}

CandidatePage SqlStudyView::page(const CandidateQuery& query) {
    return read_in_place([&] {
        const PageIds found = read_page(sql_, query);
        return CandidatePage{read_listed(sql_, found.ids), found.next};
    });
}

}  // namespace

std::unique_ptr<StudyView> make_sql_study_view(Connection connection) {
    return std::make_unique<SqlStudyView>(std::move(connection));
}

}  // namespace normact::results
