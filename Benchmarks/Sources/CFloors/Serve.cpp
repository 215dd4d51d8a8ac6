#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <deque>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unordered_map>

#include "CFloors.h"
#include "Calls.h"

namespace replay {

static uint64_t now_us(clockid_t clock = CLOCK_MONOTONIC) {
    timespec time;
    clock_gettime(clock, &time);
    return uint64_t(time.tv_sec) * 1'000'000 + uint64_t(time.tv_nsec) / 1000;
}

struct Connection {
    int socket;
    std::string in;
    std::string out;
    size_t sent = 0;
    /// While an answer is made or on its way, the next request waits in the socket.
    bool is_busy = false;
    /// When the request was read, and the highest block in its answer.
    uint64_t asked = 0;
    uint64_t highest = 0;
    ~Connection() { close(socket); }
};

/// One thread, one answer at a time for each connection.
class Server {
  public:
    Server(const floors_node &node, int listener)
        : calls(node), latency_us(node.latency_us), listener(listener),
          journal(node.journal ? fopen(node.journal, "w") : nullptr) {
        if (journal) setvbuf(journal, nullptr, _IOLBF, 4096);
    }

    void run() {
        queue = epoll_create1(EPOLL_CLOEXEC);
        if (queue < 0 || !watch(EPOLL_CTL_ADD, listener, EPOLLIN)) return;
        epoll_event events[64];
        while (true) {
            int count = epoll_wait(queue, events, 64, wait_ms());
            if (count < 0 && errno != EINTR) return;
            for (int place = 0; place < count; place++) handle(events[place]);
            uint64_t now = now_us();
            while (!due.empty() && due.front().first <= now) {
                auto found = connections.find(due.front().second);
                due.pop_front();
                if (found != connections.end()) flush(*found->second);
            }
        }
    }

  private:
    Calls calls;
    uint64_t latency_us;
    int listener;
    FILE *journal;
    uint64_t start = now_us();
    int queue = -1;
    std::unordered_map<int, std::unique_ptr<Connection>> connections;
    /// When answers may go out, and on which connections; the latency is the same for all, so in order.
    std::deque<std::pair<uint64_t, int>> due;

    bool watch(int operation, int socket, uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.fd = socket;
        return epoll_ctl(queue, operation, socket, &event) == 0;
    }

    int wait_ms() const {
        if (due.empty()) return -1;
        uint64_t now = now_us();
        return due.front().first <= now ? 0 : int((due.front().first - now + 999) / 1000);
    }

    void handle(const epoll_event &event) {
        if (event.data.fd == listener) return accept();
        auto found = connections.find(event.data.fd);
        if (found == connections.end()) return;
        Connection &connection = *found->second;
        if (event.events & (EPOLLERR | EPOLLHUP)) return drop(connection);
        if (event.events & EPOLLOUT) return flush(connection);
        if (event.events & EPOLLIN) read(connection);
    }

    void accept() {
        while (true) {
            int socket = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (socket < 0) return;
            int yes = 1, room = 4 << 20;
            setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
            auto connection = std::make_unique<Connection>();
            connection->socket = socket;
            connections[socket] = std::move(connection);
            watch(EPOLL_CTL_ADD, socket, EPOLLIN);
        }
    }

    void drop(Connection &connection) {
        for (auto &entry : due)
            if (entry.second == connection.socket) entry.second = -1;
        connections.erase(connection.socket);
    }

    void read(Connection &connection) {
        char buffer[64 << 10];
        while (true) {
            ssize_t count = recv(connection.socket, buffer, sizeof buffer, 0);
            if (count > 0) connection.in.append(buffer, size_t(count));
            else if (count < 0 && errno == EAGAIN) break;
            else return drop(connection);
            if (connection.in.size() > (16 << 20)) return drop(connection);
        }
        answer(connection);
    }

    /// Answers the next request, if it is all there.
    void answer(Connection &connection) {
        if (connection.is_busy) return;
        size_t end = connection.in.find("\r\n\r\n");
        if (end == std::string::npos) return;
        size_t length = 0;
        for (size_t line = 0; line < end; line = connection.in.find("\r\n", line) + 2) {
            const char *text = connection.in.c_str() + line;
            if (strncasecmp(text, "content-length:", 15) == 0) length = strtoul(text + 15, nullptr, 10);
            if (strncasecmp(text, "expect:", 7) == 0 && connection.in.size() == end + 4)
                send(connection.socket, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
        }
        if (connection.in.size() - end - 4 < length) return;
        // The head's length is known when the body is: room is left for it.
        static constexpr size_t room = 128;
        connection.out.assign(room, ' ');
        connection.asked = now_us(CLOCK_REALTIME);
        connection.highest = calls.answer(
            std::string_view(connection.in).substr(end + 4, length), now_us() - start, connection.out);
        connection.in.erase(0, end + 4 + length);
        std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                           std::to_string(connection.out.size() - room) + "\r\n\r\n";
        connection.sent = room - head.size();
        connection.out.replace(connection.sent, head.size(), head);
        connection.is_busy = true;
        if (latency_us == 0) flush(connection);
        else due.emplace_back(now_us() + latency_us, connection.socket);
    }

    void flush(Connection &connection) {
        while (connection.sent < connection.out.size()) {
            ssize_t count = send(
                connection.socket, connection.out.data() + connection.sent, connection.out.size() - connection.sent,
                MSG_NOSIGNAL);
            if (count < 0 && errno == EAGAIN) {
                watch(EPOLL_CTL_MOD, connection.socket, EPOLLOUT);
                return;
            }
            if (count < 0) return drop(connection);
            connection.sent += size_t(count);
        }
        connection.is_busy = false;
        if (journal)
            fprintf(
                journal, "%llu %llu %llu\n", (unsigned long long)connection.asked,
                (unsigned long long)now_us(CLOCK_REALTIME), (unsigned long long)connection.highest);
        watch(EPOLL_CTL_MOD, connection.socket, EPOLLIN);
        answer(connection);
    }
};

} // namespace replay

void floors_serve(
    const floors_node *node, uint16_t port, void (*on_ready)(uint16_t port, void *context), void *context) {
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (listener < 0 || bind(listener, reinterpret_cast<sockaddr *>(&address), size) != 0 ||
        listen(listener, 256) != 0 || getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size) != 0)
        return;
    replay::Server server(*node, listener);
    on_ready(ntohs(address.sin_port), context);
    server.run();
}
