#include "results/sql_trials.h"

#include "primitives/json.h"
#include "results/one_time.h"
#include "results/workers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace normact::results {
namespace {

using soci::into;
using soci::use;
using State = TrialRecord::State;

constexpr auto states = std::to_array<std::pair<std::string_view, State>>(
    {{"open", State::open}, {"finished", State::finished}, {"quarantined", State::quarantined}});

/// The column `layer`: hash, groups and epsilon, each in one form alone, so that equal layers have equal columns.
std::string layer_column(const TrialName& name) {
    std::array<char, 32> epsilon{};
    char* const end = std::to_chars(epsilon.data(), epsilon.data() + epsilon.size(), name.settings.epsilon).ptr;
    return to_string(name.hash) + "/" + std::to_string(name.settings.groups) + "/" + std::string(epsilon.data(), end);
}

[[noreturn]] void damaged(long long id, const std::string& column) {
    throw StoreError("the row of trial " + std::to_string(id) + " is damaged: it holds \"" + column.substr(0, 40) +
                     "\". Restore the study from a copy");
}

template <class Number>
Number read_number(std::string_view text, long long id) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) damaged(id, std::string(text));
    return number;
}

void read_layer_column(const std::string& column, long long id, TrialName& name) {
    const std::string_view text = column;
    const auto first = text.find('/'), second = text.find('/', first + 1);
    const auto hash = primitives::parse_hash(text.substr(0, first));
    if (!hash || second == std::string_view::npos) damaged(id, column);
    name.hash = *hash;
    name.settings.groups = read_number<int>(text.substr(first + 1, second - first - 1), id);
    name.settings.epsilon = read_number<double>(text.substr(second + 1), id);  // which reads "nan" and "inf" too
    if (!std::isfinite(name.settings.epsilon) || name.settings.epsilon <= 0) damaged(id, column);
}

State read_state(const std::string& column, long long id) {
    const auto* const found = std::ranges::find(states, column, &std::pair<std::string_view, State>::first);
    if (found == states.end()) damaged(id, column);
    return found->second;
}

class SqlTrials final : public TrialStore, private Transactions {
  public:
    explicit SqlTrials(Connection connection) : Transactions(std::move(connection)) {}

    std::vector<TrialRecord> trials() override;
    std::optional<std::size_t> claim(WorkerId worker, std::span<const Trial> wanted, std::chrono::seconds lease,
                                     int maximum_attempts) override;
    bool renew(WorkerId worker, const TrialName& trial, std::chrono::seconds lease) override;
    void release(WorkerId worker, const TrialName& trial) override;
    bool finish(WorkerId worker, const TrialName& trial, double value, double seconds) override;
    void fail(WorkerId worker, const TrialName& trial, const std::string& reason) override;
    std::int64_t retry_quarantined() override;

  private:
    bool take(WorkerId worker, const Trial& trial, std::chrono::seconds lease, int maximum_attempts);
};

/// The words that find one trial; its three values are bound behind the statement's other ones.
constexpr const char* this_trial = " WHERE condition = :condition AND layer = :layer AND replicate = :replicate";

std::vector<TrialRecord> SqlTrials::trials() {
    return read([&] {
        long long id = 0;
        int held = 0;
        TrialRecord record;
        std::string layer, state;
        soci::indicator has_value{};
        soci::statement statement(sql_);
        statement.exchange(into(id));
        statement.exchange(into(record.name.condition));
        statement.exchange(into(layer));
        statement.exchange(into(record.name.replicate));
        statement.exchange(into(state));
        statement.exchange(into(held));
        statement.exchange(into(record.value, has_value));
        statement.exchange(into(record.seconds));
        statement.exchange(into(record.reason));
        execute_one_time(statement,
                         "SELECT id, condition, layer, replicate, state, CASE WHEN state = 'open' AND lease_until > " +
                             dialect_.now + " THEN 1 ELSE 0 END, value, seconds, reason FROM trial");
        std::vector<TrialRecord> all;
        while (statement.fetch()) {
            read_layer_column(layer, id, record.name);
            record.state = read_state(state, id);
            record.held = held != 0;
            const bool has = has_value == soci::i_ok;
            if (record.state == State::finished && !has) damaged(id, "no value");
            if (!has) record.value = 0;
            for (const double number : {record.value, record.seconds})
                if (!std::isfinite(number)) damaged(id, std::to_string(number));
            all.push_back(record);
        }
        std::ranges::sort(all, {}, &TrialRecord::name);
        return all;
    });
}

/// Claims one trial, if it is open.
bool SqlTrials::take(WorkerId worker, const Trial& trial, std::chrono::seconds lease, int maximum_attempts) {
    const std::string layer = layer_column(trial.name);
    const std::string graph = primitives::to_json({{}, trial.graph, trial.name.settings});
    const long long holder = worker, seconds = lease.count();
    const auto& [condition, hash, settings, replicate] = trial.name;
    std::string claimed;
    sql_ << "INSERT INTO trial (condition, layer, replicate, graph, state, attempts, worker, lease_until, seconds,"
            " reason) VALUES (:condition, :layer, :replicate, :graph, 'open', 1, :worker, " +
                dialect_.now + " + :lease, 0, '') ON CONFLICT (condition, layer, replicate) DO NOTHING RETURNING layer",
        use(condition), use(layer), use(replicate), use(graph), use(holder), use(seconds), into(claimed);
    if (!claimed.empty()) return true;
    const std::string expired = " AND state = 'open' AND lease_until <= " + dialect_.now;
    sql_ << "UPDATE trial SET worker = :worker, attempts = attempts + 1, lease_until = " + dialect_.now + " + :lease" +
                this_trial + expired + " AND attempts < :most RETURNING layer",
        use(holder), use(seconds), use(condition), use(layer), use(replicate), use(maximum_attempts), into(claimed);
    if (!claimed.empty()) return true;
    const std::string vanished = "its workers stopped without a word";
    sql_ << "UPDATE trial SET state = 'quarantined', worker = NULL, reason = CASE WHEN reason = '' THEN :vanished"
            " ELSE reason END" +
                std::string(this_trial) + expired + " AND attempts >= :most",
        use(vanished), use(condition), use(layer), use(replicate), use(maximum_attempts);
    return false;
}

std::optional<std::size_t> SqlTrials::claim(WorkerId worker, std::span<const Trial> wanted, std::chrono::seconds lease,
                                            int maximum_attempts) {
    return write([&]() -> std::optional<std::size_t> {
        std::optional<std::size_t> taken;
        for (std::size_t i = 0; i < wanted.size() && !taken; ++i)
            if (take(worker, wanted[i], lease, maximum_attempts)) taken = i;
        note_sign_of_life(sql_, dialect_, worker);
        return taken;
    });
}

bool SqlTrials::renew(WorkerId worker, const TrialName& trial, std::chrono::seconds lease) {
    return write([&] {
        const std::string layer = layer_column(trial);
        const long long holder = worker, seconds = lease.count();
        std::string renewed;
        record_lightly();
        sql_ << "UPDATE trial SET lease_until = " + dialect_.now + " + :lease" + this_trial +
                    " AND worker = :worker AND state = 'open' RETURNING layer",
            use(seconds), use(trial.condition), use(layer), use(trial.replicate), use(holder), into(renewed);
        note_sign_of_life(sql_, dialect_, worker);
        return !renewed.empty();
    });
}

void SqlTrials::release(WorkerId worker, const TrialName& trial) {
    write([&] {
        const std::string layer = layer_column(trial);
        const long long holder = worker;
        sql_ << "UPDATE trial SET lease_until = 0, worker = NULL, attempts = attempts - 1" + std::string(this_trial) +
                    " AND worker = :worker AND state = 'open'",
            use(trial.condition), use(layer), use(trial.replicate), use(holder);
        return true;
    });
}

bool SqlTrials::finish(WorkerId worker, const TrialName& trial, double value, double seconds) {
    if (!std::isfinite(value) || !std::isfinite(seconds))
        throw std::invalid_argument("a trial's value and seconds must be finite");
    return write_durably([&] {
        const std::string layer = layer_column(trial);
        const long long holder = worker;
        std::string before;
        sql_ << "SELECT state FROM trial" + std::string(this_trial) + dialect_.lock_row, use(trial.condition),
            use(layer), use(trial.replicate), into(before);
        if (!sql_.got_data()) throw StoreError("nobody has claimed the trial whose value came");
        if (before == "finished") return false;
        sql_ << "UPDATE trial SET state = 'finished', value = :value, seconds = :seconds, worker = :worker,"
                " finished = " +
                    dialect_.now + this_trial,
            use(value), use(seconds), use(holder), use(trial.condition), use(layer), use(trial.replicate);
        note_sign_of_life(sql_, dialect_, worker);
        return true;
    });
}

void SqlTrials::fail(WorkerId worker, const TrialName& trial, const std::string& reason) {
    write([&] {
        const std::string layer = layer_column(trial);
        const long long holder = worker;
        sql_ << "UPDATE trial SET lease_until = 0, worker = NULL, reason = :reason" + std::string(this_trial) +
                    " AND worker = :worker AND state = 'open'",
            use(reason), use(trial.condition), use(layer), use(trial.replicate), use(holder);
        return true;
    });
}

std::int64_t SqlTrials::retry_quarantined() {
    return write([&] {
        soci::statement statement(sql_);
        execute_one_time(
            statement,
            "UPDATE trial SET state = 'open', attempts = 0, lease_until = 0, reason = '' WHERE state = 'quarantined'",
            /*whole=*/true);
        return std::int64_t{statement.get_affected_rows()};
    });
}

}  // namespace

std::unique_ptr<TrialStore> make_sql_trials(Connection connection) {
    return std::make_unique<SqlTrials>(std::move(connection));
}

}  // namespace normact::results
