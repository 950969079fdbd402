#include "results/study.h"

#include "results/postgresql.h"
#include "results/sql_trials.h"
#include "results/sqlite.h"

namespace normact::results {

bool is_in_postgresql(const std::string& place) {
    return place.starts_with("postgresql://") || place.starts_with("postgres://") || place.starts_with("service=");
}

void check_place(const std::string& place) {
    if (is_in_postgresql(place)) parse_postgresql_place(place);
}

std::unique_ptr<Store> create_study(const std::string& place, const std::string& configuration) {
    return is_in_postgresql(place) ? create_postgresql_study(place, configured(configuration))
                                   : create_sqlite_study(place, configured(configuration));
}

std::unique_ptr<Store> open_study(const std::string& place) {
    return is_in_postgresql(place) ? open_postgresql_study(place) : open_sqlite_study(place);
}

std::unique_ptr<TrialStore> open_trials(const std::string& place) {
    return make_sql_trials(is_in_postgresql(place) ? connect_to_postgresql_study(place)
                                                   : connect_to_sqlite_study(place));
}

std::unique_ptr<StudyView> open_study_view(const std::string& place) {
    return is_in_postgresql(place) ? open_postgresql_view(place) : open_sqlite_view(place);
}

void delete_study(const std::string& place) {
    is_in_postgresql(place) ? delete_postgresql_study(place) : delete_sqlite_study(place);
}

void upgrade_study(const std::string& place) {
    if (is_in_postgresql(place))
        upgrade_postgresql_study(place);
    else
        open_sqlite_study(place);
}

bool study_exists(const std::string& place) {
    return is_in_postgresql(place) ? postgresql_study_exists(place) : sqlite_study_exists(place);
}

}  // namespace normact::results
