#pragma once

#include "tools/study_pages.h"

#include <memory>
#include <string>

namespace normact::tools {

/// Where and to whom a study is shown.
struct ServerSettings {
    ShownStudy study;
    std::string address = "127.0.0.1";
    int port = 0;       ///< 0: any that is free
    std::string token;  ///< that each request must bring; empty: none, and only this machine is answered
};

/// Shows a study by HTTP, and changes nothing. Each request reads a bounded part of the study; what all of it is needed
/// for is read anew at most a twentieth of the time.
class StudyServer {
  public:
    /// Takes the port. Throws std::runtime_error where it can't be had, StoreError for a study that can't be read.
    explicit StudyServer(ServerSettings settings);
    ~StudyServer();
    StudyServer(const StudyServer&) = delete;
    StudyServer& operator=(const StudyServer&) = delete;

    int port() const;
    /// Answers until stop() is called, from any thread.
    void run();
    void stop();

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace normact::tools
