#include "core/log_output.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/threads.h"

namespace agent_secrets {
namespace {

enum class Patience { none, endless };

// If more bytes wait than this, the thread ends its pause (kGather) early.
constexpr std::size_t kUrgent = limits::kLogQueue / 2;

// The pause of the thread after it has written all lines. Lines of a busy server that arrive in the
// pause do not wake the thread one by one: a wake costs more than to write a line.
constexpr std::chrono::milliseconds kGather{5};

bool wait_for_room(int fd, Patience patience) {
  pollfd stream{.fd = fd, .events = POLLOUT, .revents = 0};
  int count = 0;
  do {
    count = ::poll(&stream, 1, patience == Patience::none ? 0 : -1);
  } while (count < 0 && errno == EINTR);
  return count == 1;
}

struct Queued {
  std::string line;
  std::uint64_t dropped_before;  // lines that did not fit into the queue
};

}  // namespace

struct LogOutput::State {
  State(int descriptor, Notice make_notice) : fd(descriptor), notice(std::move(make_notice)) {}

  void append(std::string line);
  void work();
  void write_queued(std::unique_lock<std::mutex>& lock);
  void gather(std::unique_lock<std::mutex>& lock);
  bool is_urgent() const { return is_closing || flushing > 0 || queued_bytes > kUrgent; }
  void write_with_notice(std::string_view line, std::uint64_t dropped_before, Patience patience);
  bool write_line(std::string_view line, Patience patience);
  bool write_bytes(std::string_view bytes, Patience patience);

  const int fd;
  const Notice notice;
  std::atomic<std::uint64_t> dropped = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Queued> queue;
  std::atomic<std::size_t> queued_bytes = 0;  // of lines that are not written yet
  std::uint64_t dropped_since_queued = 0;
  bool has_thread = false;
  bool is_writing = false;
  bool is_gathering = false;
  bool is_closing = false;
  int flushing = 0;  // threads in flush()

  // Belongs to the writer: the thread, or without a thread the holder of the mutex.
  std::uint64_t unreported = 0;
  bool is_cut = false;  // a line was written in part
};

void LogOutput::State::append(std::string line) {
  if (queued_bytes + line.size() > limits::kLogQueue) {
    ++dropped;
    ++dropped_since_queued;
    return;
  }
  queued_bytes += line.size();
  queue.push_back({std::move(line), std::exchange(dropped_since_queued, 0)});
  if (!is_gathering || is_urgent()) changed.notify_all();
}

void LogOutput::State::work() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return !queue.empty() || is_closing; });
    if (queue.empty()) return;
    write_queued(lock);
    if (queue.empty()) gather(lock);
  }
}

void LogOutput::State::write_queued(std::unique_lock<std::mutex>& lock) {
  std::deque<Queued> lines = std::exchange(queue, {});
  is_writing = true;
  lock.unlock();
  for (const Queued& next : lines) {
    write_with_notice(next.line, next.dropped_before, Patience::endless);
    queued_bytes -= next.line.size();
  }
  lines.clear();
  lock.lock();
  // Lines are missing and no later line is queued yet: write the notice now.
  if (queue.empty() && dropped_since_queued > 0) {
    append(notice(std::exchange(dropped_since_queued, 0)));
  }
  is_writing = false;
  if (queue.empty()) changed.notify_all();
}

void LogOutput::State::gather(std::unique_lock<std::mutex>& lock) {
  is_gathering = true;
  changed.wait_for(lock, kGather, [this] { return is_urgent(); });
  is_gathering = false;
}

void LogOutput::State::write_with_notice(std::string_view line, std::uint64_t dropped_before,
                                         Patience patience) {
  unreported += dropped_before;
  if (unreported > 0) {
    if (!write_line(notice(unreported), patience)) {
      ++dropped;
      ++unreported;
      return;
    }
    unreported = 0;
  }
  if (write_line(line, patience)) return;
  ++dropped;
  ++unreported;
}

bool LogOutput::State::write_line(std::string_view line, Patience patience) {
  if (is_cut) {
    if (!write_bytes("\n", patience)) return false;
    is_cut = false;
  }
  return write_bytes(line, patience);
}

bool LogOutput::State::write_bytes(std::string_view bytes, Patience patience) {
  const std::size_t most = patience == Patience::none ? PIPE_BUF : bytes.size();
  for (bool has_begun = false; !bytes.empty();) {
    ssize_t count = -1;
    if (patience == Patience::endless || wait_for_room(fd, patience)) {
      count = ::write(fd, bytes.data(), std::min(bytes.size(), most));
      if (count < 0 && errno == EINTR) continue;
      // Another process has set O_NONBLOCK on the shared open file description.
      const bool is_full = count < 0 && errno == EAGAIN;
      if (is_full && patience == Patience::endless && wait_for_room(fd, patience)) continue;
    }
    if (count <= 0) {
      is_cut = has_begun;
      return false;
    }
    has_begun = true;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

LogOutput::LogOutput(int fd, Notice notice)
    : state_(std::make_shared<State>(fd, std::move(notice))) {}

LogOutput::~LogOutput() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->is_closing = true;
  }
  state_->changed.notify_all();
  flush();
}

void LogOutput::write(std::string line) {
  const std::scoped_lock lock(state_->mutex);
  if (state_->has_thread) {
    state_->append(std::move(line));
  } else {
    state_->write_with_notice(line, 0, Patience::none);
  }
}

Result<void> LogOutput::start_thread() {
  const std::scoped_lock lock(state_->mutex);
  auto thread =
      agent_secrets::start_thread<std::thread>("the log", [state = state_] { state->work(); });
  if (!thread) return propagate(thread);
  thread->detach();
  state_->has_thread = true;
  return {};
}

void LogOutput::flush() const {
  std::unique_lock lock(state_->mutex);
  if (!state_->has_thread) return;
  ++state_->flushing;
  state_->changed.notify_all();
  state_->changed.wait_for(lock, limits::kLogFlush,
                           [this] { return state_->queue.empty() && !state_->is_writing; });
  --state_->flushing;
}

std::uint64_t LogOutput::dropped() const { return state_->dropped; }

}  // namespace agent_secrets
