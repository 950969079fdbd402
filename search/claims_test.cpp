#include "search/claims.h"

#include "results/sqlite.h"
#include "results/study_file.h"

#include <gtest/gtest.h>

#include <thread>

namespace normact::search {
namespace {

using namespace std::chrono_literals;

/// A study with one claim.
struct OneClaim {
    results::StudyFile file{"{}"};
    std::unique_ptr<results::Store> store = file.open();
    results::WorkerId worker = store->add_worker({});
    primitives::Hash128 fingerprint{1, 1};

    explicit OneClaim(std::chrono::seconds lease) {
        results::Proposal proposal = results::proposal(1);
        fingerprint = proposal.fingerprint;
        store->propose(worker, proposal, lease);
    }

    bool is_lost() const { return store->reclaim(store->add_worker({}), 60s, 3).has_value(); }
};

TEST(Claims, that_are_held_outlast_their_lease) {
    OneClaim claim(4s);  // renewed each 4/3 s: a busy machine may be late by twice as much
    Claims claims(claim.file.open(), claim.worker, 4s);
    const Claims::Hold hold(claims, claim.fingerprint);
    std::this_thread::sleep_for(6s);
    EXPECT_FALSE(claim.is_lost());
}

TEST(Claims, that_are_held_no_more_are_lost_after_their_lease) {
    OneClaim claim(1s);
    Claims claims(claim.file.open(), claim.worker, 1s);
    { const Claims::Hold hold(claims, claim.fingerprint); }
    std::this_thread::sleep_for(2s);
    EXPECT_TRUE(claim.is_lost());
}

TEST(Claims, bring_the_end_of_the_worker_s_log_with_their_renewals) {
    OneClaim claim(1s);
    int lines = 0;
    Claims claims(claim.file.open(), claim.worker, 1s, [&] { return "line " + std::to_string(++lines); });
    const auto sql = results::connect_sqlite(claim.file.path());
    std::string tail;
    for (int wait = 0; wait < 3000 && tail != "line 2"; ++wait) {
        std::this_thread::sleep_for(10ms);
        *sql << "SELECT tail FROM worker_log", soci::into(tail);
    }
    EXPECT_EQ(tail, "line 2");
}

TEST(Claims, that_are_held_twice_are_renewed_until_both_holds_are_gone) {
    OneClaim claim(1s);
    Claims claims(claim.file.open(), claim.worker, 1s);
    const auto lease_end = [sql = results::connect_sqlite(claim.file.path())] {
        double time = 0;
        *sql << "SELECT lease_until FROM evaluation", soci::into(time);
        return time;
    };
    const Claims::Hold hold(claims, claim.fingerprint);
    { const Claims::Hold other(claims, claim.fingerprint); }
    int renewed = 0;  // the first time may have begun before the other hold went
    double last = lease_end();
    for (int wait = 0; wait < 3000 && renewed < 2; ++wait) {
        std::this_thread::sleep_for(10ms);
        if (const double now = lease_end(); now != last) {
            ++renewed;
            last = now;
        }
    }
    EXPECT_EQ(renewed, 2);
}

}  // namespace
}  // namespace normact::search
