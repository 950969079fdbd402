#include "results/sql_store.h"

#include "results/counts.h"
#include "results/failures.h"
#include "results/outcomes.h"
#include "results/rows.h"
#include "results/workers.h"

namespace normact::results {
namespace {

using primitives::Hash128;
using proxy_tasks::Outcome;
using proxy_tasks::Rejection;
using soci::into;
using soci::use;
using State = Candidate::State;

class SqlStore final : public Store, private Transactions {
  public:
    explicit SqlStore(Connection connection) : Transactions(std::move(connection)) {}

    std::string configuration() override;
    std::string identity() override;
    WorkerId add_worker(const Worker& worker) override;
    Admission propose(WorkerId worker, const Proposal& proposal, std::chrono::seconds lease) override;
    std::optional<Claim> reclaim(WorkerId worker, std::chrono::seconds lease, int maximum_attempts) override;
    bool renew(WorkerId worker, const Hash128& fingerprint, std::chrono::seconds lease,
               const proxy_tasks::Progress& progress) override;
    void release(WorkerId worker, const Hash128& fingerprint) override;
    bool finish(WorkerId worker, const Hash128& fingerprint, const Outcome& outcome) override;
    void fail(WorkerId worker, const Hash128& fingerprint, const std::string& reason, const std::string& log) override;
    void keep_log(WorkerId worker, const std::string& tail) override;
    std::vector<Candidate> scored_since(std::int64_t after, int limit, std::int64_t& position) override;
    std::vector<Candidate> best(int count) override;
    std::optional<double> accuracy_at_rank(std::int64_t rank) override;
    std::vector<Audit> audits() override;
    std::optional<Candidate> find(CandidateId id) override;
    std::vector<Candidate> candidates_after(CandidateId id, int count) override;
    std::optional<Worker> evaluated_by(const Hash128& fingerprint) override;
    Funnel funnel() override;
    void end_worker(WorkerId worker) override;
    std::vector<WorkerStatus> workers(std::chrono::seconds seen_within) override;
    std::int64_t finished_within(std::chrono::seconds window) override;
    std::vector<Candidate> quarantined(int count) override;
    std::int64_t retry_quarantined() override;
    TakenBack invalidate(const Source& source) override;
    void refuse(WorkerId worker, const std::string& reason) override;
    std::optional<Canary> canary(const Worker& worker) override;

  private:
    // Parts of transactions.
    CandidateId insert_candidate(WorkerId worker, const Proposal& proposal);
    std::optional<Candidate> read_candidate(CandidateId id);
};

std::string SqlStore::configuration() {
    return read([&] {
        std::string configuration;
        sql_ << "SELECT configuration FROM study", into(configuration);
        if (!sql_.got_data()) throw StoreError("the study's configuration is missing: restore the file from a copy");
        return configuration;
    });
}

std::string SqlStore::identity() {
    return read([&] {
        double created = 0;
        sql_ << "SELECT created FROM study", into(created);
        if (!sql_.got_data()) throw StoreError("the study's configuration is missing: restore the file from a copy");
        return std::to_string(created);
    });
}

WorkerId SqlStore::add_worker(const Worker& worker) {
    return write([&] {
        long long id = 0;
        const long long process = worker.process;
        sql_ << "INSERT INTO worker (host, process, device, engine, build, started, seen)"
                " VALUES (:host, :process, :device, :engine, :build, " +
                    dialect_.now + ", " + dialect_.now + ") RETURNING id",
            use(worker.host), use(process), use(worker.device), use(worker.engine), use(worker.build), into(id);
        return WorkerId{id};
    });
}

CandidateId SqlStore::insert_candidate(WorkerId worker, const Proposal& proposal) {
    const long long proposer = worker, parent = proposal.parent.value_or(0);
    auto has_parent = proposal.parent ? soci::i_ok : soci::i_null;
    auto is_invalid = proposal.invalid.empty() ? soci::i_null : soci::i_ok;
    const auto fingerprint = to_string(proposal.fingerprint), hash = to_string(proposal.hash);
    const auto graph = graph_column(proposal.graph);
    long long id = 0;
    sql_ << "INSERT INTO candidate (fingerprint, hash, graph, parent, origin, invalid, proposer) VALUES"
            " (:fingerprint, :hash, :graph, :parent, :origin, :invalid, :proposer) RETURNING id",
        use(fingerprint), use(hash), use(graph), use(parent, has_parent), use(proposal.origin),
        use(proposal.invalid, is_invalid), use(proposer), into(id);
    return id;
}

Admission SqlStore::propose(WorkerId worker, const Proposal& proposal, std::chrono::seconds lease) {
    using enum Admission::Verdict;
    return write([&] {
        const auto id = insert_candidate(worker, proposal);
        if (!proposal.invalid.empty()) {
            record_lightly();
            note_sign_of_life(sql_, dialect_, worker);
            add_to_funnel(sql_, worker, "proposed = proposed + 1, invalid = invalid + 1");
            return Admission{id, invalid};
        }
        const auto fingerprint = to_string(proposal.fingerprint);
        const long long candidate = id, holder = worker, seconds = lease.count();
        std::string claim;
        // The unique fingerprint decides who evaluates: the first one inserts the row, all others find it.
        sql_ << "INSERT INTO evaluation (fingerprint, candidate, state, attempts, worker, lease_until, rejection, "
                "reason,"
                " seconds) VALUES (:fingerprint, :candidate, 'open', 1, :worker, " +
                    dialect_.now +
                    " + :lease, 'none', '', 0) ON CONFLICT (fingerprint) DO NOTHING RETURNING fingerprint",
            use(fingerprint), use(candidate), use(holder), use(seconds), into(claim);
        if (!claim.empty()) {
            note_sign_of_life(sql_, dialect_, worker);
            add_to_funnel(sql_, worker, "proposed = proposed + 1, open = open + 1");
            return Admission{id, claimed};
        }
        // Many may propose the same function at once, so they share the row; who finishes it waits for all of them.
        std::string state;
        sql_ << "SELECT state FROM evaluation WHERE fingerprint = :fingerprint" + dialect_.share_row, use(fingerprint),
            into(state);
        note_sign_of_life(sql_, dialect_, worker);
        add_to_funnel(sql_, worker, "proposed = proposed + 1, duplicate = duplicate + 1");
        if (state == name(State::scored)) {  // others see it from now on, and breed from it
            const long long position = take_positions(sql_, 1);
            sql_ << "UPDATE candidate SET position = :position WHERE id = :id", use(position), use(candidate);
        } else {
            record_lightly();
        }
        return Admission{id, duplicate};
    });
}

std::optional<Claim> SqlStore::reclaim(WorkerId worker, std::chrono::seconds lease, int maximum_attempts) {
    return write([&]() -> std::optional<Claim> {
        note_sign_of_life(sql_, dialect_, worker);
        for (;;) {
            std::string fingerprint;
            long long candidate = 0;
            int attempts = 0;
            sql_ << "SELECT fingerprint, candidate, attempts FROM evaluation WHERE state = 'open' AND lease_until <= " +
                        dialect_.now + " ORDER BY lease_until LIMIT 1" + dialect_.skip_locked,
                into(fingerprint), into(candidate), into(attempts);
            if (!sql_.got_data()) {
                record_lightly();
                return std::nullopt;
            }
            if (attempts >= maximum_attempts) {
                quarantine(sql_, worker, fingerprint, attempts);
                continue;
            }
            std::string graph;
            sql_ << "SELECT graph FROM candidate WHERE id = :id", use(candidate), into(graph);
            const long long holder = worker, seconds = lease.count();
            sql_ << "UPDATE evaluation SET worker = :worker, attempts = attempts + 1, stage = '', step = 0, steps = 0,"
                    " lease_until = " +
                        dialect_.now + " + :lease WHERE fingerprint = :fingerprint",
                use(holder), use(seconds), use(fingerprint);
            return Claim{candidate, read_graph(graph, candidate), read_hash(fingerprint, candidate), attempts + 1};
        }
    });
}

bool SqlStore::renew(WorkerId worker, const Hash128& fingerprint, std::chrono::seconds lease,
                     const proxy_tasks::Progress& progress) {
    return write([&] {
        const auto key = to_string(fingerprint);
        const long long holder = worker, seconds = lease.count();
        std::string renewed;
        record_lightly();
        sql_ << "UPDATE evaluation SET lease_until = " + dialect_.now +
                    " + :lease, stage = :stage, step = :step, steps = :steps"
                    " WHERE fingerprint = :fingerprint AND worker = :worker AND state = 'open' RETURNING fingerprint",
            use(seconds), use(progress.stage), use(progress.step), use(progress.steps), use(key), use(holder),
            into(renewed);
        note_sign_of_life(sql_, dialect_, worker);
        return !renewed.empty();
    });
}

void SqlStore::release(WorkerId worker, const Hash128& fingerprint) {
    write([&] {
        const auto key = to_string(fingerprint);
        const long long holder = worker;
        sql_ << "UPDATE evaluation SET lease_until = 0, worker = NULL, attempts = attempts - 1"
                " WHERE fingerprint = :fingerprint AND worker = :worker AND state = 'open'",
            use(key), use(holder);
        return true;
    });
}

void SqlStore::fail(WorkerId worker, const Hash128& fingerprint, const std::string& reason, const std::string& log) {
    write([&] {
        const auto key = to_string(fingerprint);
        const long long holder = worker;
        sql_ << "INSERT INTO failure (fingerprint, worker, reason, log, happened)"
                " VALUES (:fingerprint, :worker, :reason, :log, " +
                    dialect_.now + ")",
            use(key), use(holder), use(reason), use(log);
        sql_ << "UPDATE evaluation SET lease_until = 0, worker = NULL"
                " WHERE fingerprint = :fingerprint AND worker = :worker AND state = 'open'",
            use(key), use(holder);
        return true;
    });
}

void SqlStore::keep_log(WorkerId worker, const std::string& tail) {
    write([&] {
        const long long writer = worker;
        record_lightly();
        sql_ << "INSERT INTO worker_log (worker, tail) VALUES (:worker, :tail)"
                " ON CONFLICT (worker) DO UPDATE SET tail = excluded.tail",
            use(writer), use(tail);
        return true;
    });
}

bool SqlStore::finish(WorkerId worker, const Hash128& fingerprint, const Outcome& outcome) {
    if (outcome.rejection == Rejection::none && outcome.scores.empty())
        throw std::invalid_argument("an outcome needs scores or a rejection");
    return write_durably([&] { return record_outcome(sql_, dialect_, worker, to_string(fingerprint), outcome); });
}

std::vector<Candidate> SqlStore::scored_since(std::int64_t after, int limit, std::int64_t& position) {
    return read([&] {
        const auto selection = "SELECT id AS chosen, position AS place FROM candidate WHERE position > " +
                               std::to_string(after) + " ORDER BY position LIMIT " + std::to_string(limit);
        auto candidates = read_candidates(sql_, selection);
        long long last = after;
        sql_ << "SELECT COALESCE(MAX(place), " + std::to_string(after) + ") FROM (" + selection + ") AS selected",
            into(last);
        position = last;
        return candidates;
    });
}

std::vector<Candidate> SqlStore::best(int count) {
    return read([&] {
        return read_candidates(sql_,
                               "SELECT candidate AS chosen, -mean_accuracy AS place FROM evaluation"
                               " WHERE mean_accuracy IS NOT NULL ORDER BY mean_accuracy DESC, candidate LIMIT " +
                                   std::to_string(count));
    });
}

std::optional<double> SqlStore::accuracy_at_rank(std::int64_t rank) {
    return read([&] { return read_accuracy_at_rank(sql_, rank); });
}

std::vector<Audit> SqlStore::audits() {
    return read([&] { return read_audits(sql_); });
}

std::optional<Candidate> SqlStore::read_candidate(CandidateId id) {
    auto candidates =
        read_candidates(sql_, "SELECT id AS chosen, 0 AS place FROM candidate WHERE id = " + std::to_string(id));
    if (candidates.empty()) return std::nullopt;
    return std::move(candidates.front());
}

std::optional<Candidate> SqlStore::find(CandidateId id) {
    return read([&] { return read_candidate(id); });
}

std::vector<Candidate> SqlStore::candidates_after(CandidateId id, int count) {
    return read([&] {
        return read_candidates(sql_, "SELECT id AS chosen, id AS place FROM candidate WHERE id > " +
                                         std::to_string(id) + " ORDER BY id LIMIT " + std::to_string(count));
    });
}

std::optional<Worker> SqlStore::evaluated_by(const Hash128& fingerprint) {
    return read([&]() -> std::optional<Worker> {
        const auto key = to_string(fingerprint);
        Worker worker;
        long long process = 0;
        sql_ << "SELECT host, process, device, engine, build FROM evaluation JOIN worker ON worker.id ="
                " evaluation.worker WHERE fingerprint = :fingerprint AND state IN ('scored', 'rejected')",
            use(key), into(worker.host), into(process), into(worker.device), into(worker.engine), into(worker.build);
        if (!sql_.got_data()) return std::nullopt;
        worker.process = process;
        return worker;
    });
}

Funnel SqlStore::funnel() {
    return read([&] { return read_funnel(sql_); });
}

void SqlStore::end_worker(WorkerId worker) {
    write([&] {
        const long long id = worker;
        sql_ << "UPDATE worker SET ended = " + dialect_.now + " WHERE id = :id", use(id);
        return true;
    });
}

std::vector<WorkerStatus> SqlStore::workers(std::chrono::seconds seen_within) {
    return read([&] { return read_workers(sql_, dialect_, seen_within); });
}

std::int64_t SqlStore::finished_within(std::chrono::seconds window) {
    return read([&] {
        long long count = 0;
        sql_ << "SELECT COUNT(*) FROM evaluation WHERE finished IS NOT NULL AND finished > " + dialect_.now + " - " +
                    std::to_string(window.count()),
            into(count);
        return std::int64_t{count};
    });
}

std::vector<Candidate> SqlStore::quarantined(int count) {
    return read([&] {
        return read_candidates(sql_,
                               "SELECT candidate AS chosen, -candidate AS place FROM evaluation"
                               " WHERE state = 'quarantined' ORDER BY candidate DESC LIMIT " +
                                   std::to_string(count));
    });
}

std::int64_t SqlStore::retry_quarantined() {
    return write([&] { return reopen_quarantined(sql_); });
}

TakenBack SqlStore::invalidate(const Source& source) {
    write_durably([&] {
        refuse_workers(sql_, source);
        return true;
    });
    return write_durably([&] { return take_back(sql_, dialect_, source); });
}

void SqlStore::refuse(WorkerId worker, const std::string& reason) {
    write([&] {
        const long long id = worker;
        sql_ << "UPDATE worker SET refused = :reason WHERE id = :id", use(reason), use(id);
        return true;
    });
}

std::optional<Canary> SqlStore::canary(const Worker& worker) {
    return read([&]() -> std::optional<Canary> {
        const auto found = find_repeatable(sql_, worker);
        if (!found) return std::nullopt;
        auto candidate = read_candidate(found->candidate);
        if (!candidate) return std::nullopt;
        return Canary{std::move(*candidate), found->found_by};
    });
}

}  // namespace

std::optional<double> mean_accuracy(std::span<const proxy_tasks::Score> scores) {
    if (scores.empty()) return std::nullopt;
    double sum = 0;
    for (const auto& score : scores) sum += score.accuracy;
    return sum / static_cast<double>(scores.size());
}

std::unique_ptr<Store> make_sql_store(std::unique_ptr<soci::session> session, Dialect dialect, std::string place) {
    return std::make_unique<SqlStore>(Connection{std::move(session), std::move(dialect), std::move(place)});
}

std::unique_ptr<Store> make_sql_store(Connection connection) {
    return std::make_unique<SqlStore>(std::move(connection));
}

}  // namespace normact::results
