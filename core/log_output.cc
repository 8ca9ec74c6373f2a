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

std::uint64_t count(std::string_view lines) {
  return static_cast<std::uint64_t>(std::ranges::count(lines, '\n'));
}

// Takes the first line, and with it the next ones that belong into one write: a pipe takes PIPE_BUF
// bytes whole, so the lines of another program do not come in between (pipe(7)).
std::string take_together(std::deque<Queued>& lines) {
  std::string text = std::move(lines.front().line);
  lines.pop_front();
  while (!lines.empty() && lines.front().dropped_before == 0 &&
         text.size() + lines.front().line.size() <= PIPE_BUF) {
    text += lines.front().line;
    lines.pop_front();
  }
  return text;
}

}  // namespace

struct LogOutput::State {
  State(int descriptor, Notice make_notice) : fd(descriptor), notice(std::move(make_notice)) {}

  void append(std::string line);
  void work();
  void write_queued(std::unique_lock<std::mutex>& lock);
  void gather(std::unique_lock<std::mutex>& lock);
  bool is_urgent() const { return is_closing || flushing > 0 || queued_bytes > kUrgent; }
  void write_with_notice(std::string_view lines, std::uint64_t dropped_before, Patience patience);
  std::uint64_t write_lines(std::string_view lines, Patience patience);
  std::string_view write_bytes(std::string_view bytes, Patience patience);

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
  while (!lines.empty()) {
    const std::uint64_t dropped_before = lines.front().dropped_before;
    const std::string text = take_together(lines);
    write_with_notice(text, dropped_before, Patience::endless);
    queued_bytes -= text.size();
  }
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

void LogOutput::State::write_with_notice(std::string_view lines, std::uint64_t dropped_before,
                                         Patience patience) {
  unreported += dropped_before;
  std::uint64_t lost = 0;
  if (unreported > 0) lost = write_lines(notice(unreported), patience) > 0 ? count(lines) : 0;
  if (lost == 0) {
    unreported = 0;
    lost = write_lines(lines, patience);
  }
  dropped += lost;
  unreported += lost;
}

// Returns the number of lines that were not written whole.
std::uint64_t LogOutput::State::write_lines(std::string_view lines, Patience patience) {
  if (is_cut && !write_bytes("\n", patience).empty()) return count(lines);
  return count(write_bytes(lines, patience));
}

// Returns the bytes that were not written.
std::string_view LogOutput::State::write_bytes(std::string_view bytes, Patience patience) {
  const std::size_t most = patience == Patience::none ? PIPE_BUF : bytes.size();
  while (!bytes.empty()) {
    ssize_t written = -1;
    if (patience == Patience::endless || wait_for_room(fd, patience)) {
      written = ::write(fd, bytes.data(), std::min(bytes.size(), most));
      if (written < 0 && errno == EINTR) continue;
      // Another process has set O_NONBLOCK on the shared open file description.
      const bool is_full = written < 0 && errno == EAGAIN;
      if (is_full && patience == Patience::endless && wait_for_room(fd, patience)) continue;
    }
    if (written <= 0) return bytes;
    is_cut = bytes[static_cast<std::size_t>(written) - 1] != '\n';
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return bytes;
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
