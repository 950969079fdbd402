#pragma once

// Connections of `normact serve`, bounded where httplib 0.11.4 bounds nothing: how long a request may take to arrive,
// and how many may wait. Sources that include this need Httplib_DEFINITIONS.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <httplib.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <utility>

namespace normact::tools {

struct ConnectionBounds {
    std::size_t threads = 32, waiting = 64;            ///< connections that are served, and that wait for it, at once
    std::size_t request_bytes = std::size_t{1} << 16;  ///< of all that a request consists of
    std::chrono::seconds idle{5}, request{10}, answer{60};  ///< until a request begins, is here, and is answered
    int requests = 20;                                      ///< one after another over one connection
};

/// The bytes of a connection. A request has to be here within a time and a size, however it comes in bits; an answer
/// has to be taken within a time.
class BoundedStream : public httplib::Stream {
  public:
    using Clock = std::chrono::steady_clock;

    BoundedStream(socket_t socket, const ConnectionBounds& bounds, const std::atomic<socket_t>& server)
        : socket_(socket), bounds_(bounds), server_(server) {}

    /// Waits for the first byte of a request. False if none comes.
    bool begin_request() {
        if (begin_ == end_ && !wait(POLLIN, Clock::now() + bounds_.idle)) return false;
        due_ = Clock::now() + bounds_.request;
        left_ = bounds_.request_bytes;
        answering_ = false;
        return true;
    }

    bool is_readable() const override { return begin_ != end_ || wait(POLLIN, due_); }
    bool is_writable() const override { return wait(POLLOUT, due_); }

    ssize_t read(char* to, size_t size) override {
        if (begin_ == end_) {
            if (left_ == 0 || !wait(POLLIN, due_)) return -1;
            const ssize_t count = recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
            if (count <= 0) return count;
            begin_ = 0;
            end_ = static_cast<std::size_t>(count);
        }
        const std::size_t count = std::min({size, end_ - begin_, left_});
        if (count == 0) return -1;
        std::memcpy(to, buffer_.data() + begin_, count);
        begin_ += count;
        left_ -= count;
        return static_cast<ssize_t>(count);
    }

    ssize_t write(const char* from, size_t size) override {
        if (!std::exchange(answering_, true)) due_ = Clock::now() + bounds_.answer;
        if (!wait(POLLOUT, due_)) return -1;
        return send(socket_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    }

    void get_remote_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
    void get_local_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
    socket_t socket() const override { return socket_; }

  private:
    /// False if the time is over, or the server ends.
    bool wait(short event, Clock::time_point due) const {
        constexpr auto look_up = std::chrono::milliseconds(100);
        while (server_ != INVALID_SOCKET && Clock::now() < due) {
            pollfd asked{socket_, event, 0};
            const int found = poll(&asked, 1, static_cast<int>(look_up.count()));
            if (found > 0) return true;
            if (found < 0 && errno != EINTR) return false;
        }
        return false;
    }

    socket_t socket_;
    const ConnectionBounds& bounds_;
    const std::atomic<socket_t>& server_;
    Clock::time_point due_;
    std::size_t left_ = 0;  ///< bytes of the request that may still come
    bool answering_ = false;
    std::array<char, 4096> buffer_{};
    std::size_t begin_ = 0, end_ = 0;  ///< what of the buffer is not read yet
};

/// A server that keeps to the bounds, and takes no notice of Range: httplib copies the body for each range of a list.
class BoundedServer : public httplib::Server {
  public:
    BoundedServer() {
        set_tcp_nodelay(true);  // an answer is written in two parts: the second would wait for the first one's receipt
        new_task_queue = [this] { return new Threads(bounds_); };  // the server deletes it
    }

  private:
    /// Connections beyond those that may wait are closed at once.
    class Threads : public httplib::ThreadPool {
      public:
        explicit Threads(const ConnectionBounds& bounds) : ThreadPool(bounds.threads), most_(bounds.waiting) {}

        void enqueue(std::function<void()> connection) override {
            if (waiting_ >= most_) {
                turns_away_ = true;
                connection();
                turns_away_ = false;
                return;
            }
            ++waiting_;
            ThreadPool::enqueue([this, connection = std::move(connection)] {
                --waiting_;
                connection();
            });
        }

      private:
        std::size_t most_;
        std::atomic<std::size_t> waiting_ = 0;
    };

    bool process_and_close_socket(socket_t socket) override {
        const bool fine = !turns_away_ && serve(socket);
        shutdown(socket, SHUT_RDWR);
        close(socket);
        return fine;
    }

    bool serve(socket_t socket) {
        BoundedStream stream(socket, bounds_, svr_sock_);
        for (int left = bounds_.requests; left > 0; --left) {
            if (!stream.begin_request()) return true;
            bool is_last = false, has_arrived = false;
            const bool fine = process_request(stream, left == 1, is_last, [&](httplib::Request& request) {
                has_arrived = true;
                request.ranges.clear();
            });
            if (!fine || is_last || !has_arrived) return fine;
        }
        return true;
    }

    static inline thread_local bool turns_away_ = false;
    const ConnectionBounds bounds_;
};

}  // namespace normact::tools
