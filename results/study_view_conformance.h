#pragma once

// What every view of a study must do, as one suite over a factory, like store_conformance.h.

#include "results/study_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace normact::results {

class StudyViewConformance : public testing::TestWithParam<Backend> {
  protected:
    using Order = CandidateQuery::Order;
    using Ids = std::vector<CandidateId>;

    StudyViewConformance()
        : place(GetParam().make("{\"seed\": 1}")), store(place->open()), worker(add_worker("host")) {}

    WorkerId add_worker(const std::string& host) { return store->add_worker({host, 42, "cpu", "aten", "0.1.0"}); }
    CandidateId propose(std::uint64_t function, const std::string& text = "max(x, zero)",
                        std::optional<CandidateId> parent = std::nullopt, const std::string& invalid = "") {
        auto proposed = proposal(function);
        proposed.graph = primitives::parse_text(text);
        proposed.parent = parent;
        proposed.origin = parent ? "mutation" : "random";
        proposed.invalid = invalid;
        return store->propose(worker, proposed, long_lease).candidate;
    }
    void finish(std::uint64_t function, const proxy_tasks::Outcome& outcome) {
        store->finish(worker, proposal(function).fingerprint, outcome);
    }
    CandidateId score(std::uint64_t function, double mean, const std::string& text = "max(x, zero)") {
        const auto id = propose(function, text);
        finish(function, scored(mean, mean));
        return id;
    }
    static CandidateQuery in_order(Order order) {
        CandidateQuery query;
        query.order = order;
        return query;
    }
    static Ids ids_of(const std::vector<Candidate>& candidates) {
        Ids ids;
        for (const auto& candidate : candidates) ids.push_back(candidate.id);
        return ids;
    }
    Ids ids_of(const CandidateQuery& query) { return ids_of(place->look()->page(query).candidates); }
    /// All pages, one after the other.
    Ids all(CandidateQuery query) {
        const auto view = place->look();
        Ids ids;
        do {
            const auto page = view->page(query);
            std::ranges::copy(ids_of(page.candidates), std::back_inserter(ids));
            query.after = page.next;
        } while (query.after && ids.size() < 1000);
        return ids;
    }

    std::unique_ptr<StudyPlace> place;
    std::unique_ptr<Store> store;
    WorkerId worker;
};

TEST_P(StudyViewConformance, tells_what_the_store_tells) {
    const auto id = score(1, 0.5);
    const auto view = place->look();
    EXPECT_EQ(view->configuration(), store->configuration());
    EXPECT_EQ(view->funnel().scored, 1);
    EXPECT_EQ(view->find(id)->outcome.scores.at(1).accuracy, 0.5);
    EXPECT_FALSE(view->find(id + 1));
    EXPECT_GT(view->created(), 1.5e9) << "some time after 2017";
}

TEST_P(StudyViewConformance, writes_nothing) {
    const auto before = place->connect();
    const auto count = [&](const std::string& table) {
        long long rows = 0;
        *before << "SELECT COUNT(*) FROM " + table, soci::into(rows);
        return rows;
    };
    EXPECT_EQ(count("candidate"), 0);
    const auto view = place->look();
    CandidateQuery hostile;
    hostile.origin = "'; DELETE FROM worker; --";
    EXPECT_TRUE(view->page(hostile).candidates.empty());
    hostile.origin.clear();
    hostile.state = "scored' OR 1 = 1; --";
    EXPECT_THROW(view->page(hostile), std::invalid_argument);
    EXPECT_EQ(count("worker"), 1);
}

TEST_P(StudyViewConformance, pages_join_to_all_candidates_in_every_order) {
    Ids ids;
    for (std::uint64_t function = 0; function < 23; ++function)
        ids.push_back(score(function, 0.1 * static_cast<double>(function % 5)));
    const auto mean = [&](CandidateId id) { return 0.1 * static_cast<double>((id - ids.front()) % 5); };
    auto by_mean = ids;
    std::ranges::sort(by_mean, {}, [&](CandidateId id) { return std::pair(-mean(id), id); });
    for (const int limit : {1, 4, 23, 50}) {
        const auto pages_in = [&](Order order) {
            auto query = in_order(order);
            query.limit = limit;
            return all(query);
        };
        EXPECT_EQ(pages_in(Order::oldest), ids);
        EXPECT_EQ(pages_in(Order::newest), Ids(ids.rbegin(), ids.rend()));
        EXPECT_EQ(pages_in(Order::best), by_mean);
        EXPECT_EQ(pages_in(Order::worst), Ids(by_mean.rbegin(), by_mean.rend()));
    }
}

TEST_P(StudyViewConformance, pages_join_to_all_layers_in_the_order_of_one_task) {
    Ids ids;
    for (std::uint64_t function = 0; function < 23; ++function) {
        ids.push_back(propose(function));
        finish(function,
               scored(0.9 - 0.1 * static_cast<double>(function % 5), 0.1 * static_cast<double>(function % 5)));
    }
    score(23, std::numeric_limits<double>::quiet_NaN());
    propose(24);
    finish(24, audited(proxy_tasks::Rejection::quality, 0.99, 0.99));
    auto best_first = ids;
    std::ranges::sort(best_first, {}, [&](CandidateId id) { return std::pair(-((id - ids.front()) % 5), id); });
    for (const int limit : {1, 4, 23, 50}) {
        auto query = in_order(Order::best);
        query.task = "cifar-10/a";  // the second one
        query.limit = limit;
        EXPECT_EQ(all(query), best_first);
        query.with = {{primitives::Op::max, primitives::IndexSet::none}};
        EXPECT_EQ(all(query), best_first) << "filtered";
        query.order = Order::worst;
        EXPECT_EQ(all(query), Ids(best_first.rbegin(), best_first.rend()));
    }
    auto query = in_order(Order::best);
    query.task = "' OR '1' = '1";
    EXPECT_TRUE(ids_of(query).empty());
}

TEST_P(StudyViewConformance, filters_by_what_became_of_a_candidate) {
    const auto good = score(1, 0.5);
    const auto same = propose(1);
    const auto weak = propose(2), wild = propose(3), open = propose(4);
    finish(2, rejected(proxy_tasks::Rejection::quality));
    finish(3, rejected(proxy_tasks::Rejection::stability));
    const auto invalid = propose(1, "max(x, zero)", std::nullopt, "not finite");
    const auto in_state = [&](const std::string& state) {
        auto query = in_order(Order::oldest);
        query.state = state;
        return ids_of(query);
    };
    EXPECT_EQ(in_state("scored"), Ids{good});
    EXPECT_EQ(in_state("duplicate"), Ids{same});
    EXPECT_EQ(in_state("quality"), Ids{weak});
    EXPECT_EQ(in_state("stability"), Ids{wild});
    EXPECT_EQ(in_state("open"), Ids{open});
    EXPECT_EQ(in_state("invalid"), Ids{invalid});
    EXPECT_TRUE(in_state("quarantined").empty());
    EXPECT_EQ(in_state("").size(), 6u);
    EXPECT_EQ(ids_of(in_order(Order::best)), Ids{good}) << "one a function, and scored ones alone";
}

TEST_P(StudyViewConformance, filters_by_parts_of_the_graph) {
    const auto group = score(1, 0.5, "x*sigmoid(x)/std_group(x)");
    const auto batch = score(2, 0.4, "x/std_batch(x)");
    const auto mean = score(3, 0.3, "x - mean_group(x)");
    const auto with = [&](const GraphPart& part) {
        auto query = in_order(Order::best);
        query.with = {part};
        return ids_of(query);
    };
    using primitives::IndexSet;
    using primitives::Op;
    EXPECT_EQ(with({Op::std, IndexSet::none}), (Ids{group, batch}));
    EXPECT_EQ(with({Op::std, IndexSet::group}), Ids{group});
    EXPECT_EQ(with({std::nullopt, IndexSet::group}), (Ids{group, mean}));
    auto query = in_order(Order::best);
    query.without = {{Op::sigmoid, IndexSet::none}};
    EXPECT_EQ(ids_of(query), (Ids{batch, mean}));
}

TEST_P(StudyViewConformance, finds_children_origins_and_equal_functions) {
    const auto parent = propose(1), child = propose(2, "abs(x)", parent), same = propose(1, "abs(x)");
    auto query = in_order(Order::oldest);
    query.parent = parent;
    EXPECT_EQ(ids_of(query), Ids{child});
    query = in_order(Order::newest);
    query.fingerprint = proposal(1).fingerprint;
    EXPECT_EQ(ids_of(query), (Ids{same, parent}));
    query = in_order(Order::oldest);
    query.origin = "mutation";
    EXPECT_EQ(ids_of(query), Ids{child});
    query.origin = "' OR '1' = '1";
    EXPECT_TRUE(ids_of(query).empty());
}

TEST_P(StudyViewConformance, gives_the_scored_as_points) {
    const auto first = score(1, 0.25);
    propose(1);
    propose(2);
    const auto second = score(3, 0.75);
    score(4, std::numeric_limits<double>::quiet_NaN());
    const auto points = place->look()->scored();
    ASSERT_EQ(points.size(), 2u) << "one a function, and numbers alone";
    EXPECT_EQ(points[0].candidate, first);
    EXPECT_EQ(points[1].candidate, second);
    EXPECT_EQ(points[1].mean, 0.75);
    EXPECT_GE(points[1].finished, 0);
    EXPECT_LT(points[1].finished, 600);
}

TEST_P(StudyViewConformance, follows_a_lineage_to_its_first_ancestor) {
    Ids line{propose(0)};
    for (std::uint64_t function = 1; function < 6; ++function) line.push_back(propose(function, "abs(x)", line.back()));
    std::ranges::reverse(line);
    const auto view = place->look();
    EXPECT_EQ(ids_of(view->lineage(line.front(), 100)), line);
    EXPECT_EQ(ids_of(view->lineage(line.front(), 3)), Ids(line.begin(), line.begin() + 3));
    EXPECT_TRUE(view->lineage(line.front() + 100, 3).empty());
    // A damaged study: its first ancestor descends from its last child.
    *place->connect() << "UPDATE candidate SET parent = " + std::to_string(line.front()) +
                             " WHERE id = " + std::to_string(line.back());
    EXPECT_EQ(ids_of(view->lineage(line.front(), 100)), line);
}

TEST_P(StudyViewConformance, gives_candidates_in_the_order_asked_for) {
    const auto a = propose(1), b = propose(2);
    EXPECT_EQ(ids_of(place->look()->candidates(Ids{b, a, b + 7})), (Ids{b, a}));
    EXPECT_TRUE(place->look()->candidates({}).empty());
}

TEST_P(StudyViewConformance, adds_up_who_evaluated) {
    score(1, 0.5);
    add_worker("idle, or at a re-evaluation");
    worker = add_worker("other");
    score(2, 0.5);
    score(3, 0.5);
    worker = add_worker("other");
    score(4, 0.5);
    const auto list = place->look()->contributions(10);
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0].host, "other");
    EXPECT_EQ(list[0].workers, 2);
    EXPECT_EQ(list[0].evaluated, 3);
    EXPECT_EQ(list[1].evaluated, 1);
    EXPECT_EQ(place->look()->contributions(1).size(), 1u);
}

TEST_P(StudyViewConformance, refuses_pages_that_can_t_be) {
    const auto view = place->look();
    CandidateQuery query;
    for (const int limit : {0, -1, most_of_a_page + 1}) {
        query.limit = limit;
        EXPECT_THROW(view->page(query), std::invalid_argument) << limit;
    }
    query.limit = 1;
    query.after = PagePosition{std::numeric_limits<double>::quiet_NaN(), 1};
    EXPECT_THROW(view->page(query), std::invalid_argument);
}

}  // namespace normact::results
