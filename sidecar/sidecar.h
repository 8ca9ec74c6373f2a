#pragma once
// A running sidecar: one thread for the watch loop (nearly always in a long poll), one for the
// status server if it is used, and the caller's thread, which waits for the end.
//
// The watch thread cannot be interrupted during a long poll, and this is not needed: the state
// files are complete after each write. So the caller waits for the sidecar's end and then ends the
// process; a Sidecar is never destroyed while its threads run.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/clock.h"
#include "core/credential.h"
#include "core/curl_transport.h"
#include "core/error.h"
#include "core/log.h"
#include "sidecar/announce.h"
#include "sidecar/clock_jump.h"
#include "sidecar/hook.h"
#include "sidecar/knowledge.h"
#include "sidecar/options.h"
#include "sidecar/process.h"
#include "sidecar/redeploy_flag.h"
#include "sidecar/state_directory.h"
#include "sidecar/status_server.h"
#include "sidecar/watch.h"

namespace agent_secrets::sidecar {

class Sidecar {
 public:
  // Reads the credential, takes the state directory and the port, and starts the threads. On error
  // no thread is left. With a bot it waits for the directory until the bot ends.
  static Result<std::unique_ptr<Sidecar>> start(const RunOptions& options, const Log& log);

  // After it returns, no state file changes. The process must then end without a destructor.
  Result<EndReason> wait_for_end();

 private:
  Sidecar(const RunOptions& options, const Log& log, WatchCredential credential,
          StateDirectory directory, End end, ClockJump clock_jump);
  [[nodiscard]] std::optional<std::int64_t> running_sequence();
  void follow_sequence(std::int64_t sequence);
  void follow_nothing();
  Result<void> start_threads();
  [[nodiscard]] std::int64_t active_sessions();
  void remove_files_of_bot() const;
  void watch_for_ever();
  void notice_clock_jump();
  void publish(const Knowledge& knowledge);
  [[nodiscard]] Knowledge known() const;  // from any thread
  void report(std::string_view what, const Result<void>& result);

  const RunOptions options_;
  const Log& log_;
  const WatchCredential credential_;
  SystemClock clock_;
  StateDirectory directory_;
  End end_;
  ClockJump clock_jump_;
  CurlTransport transport_;
  Watcher watcher_;
  RedeployFlag flag_;
  Announcer announcer_;
  std::optional<Hook> hook_;
  SharedKnowledge shared_;
  std::unique_ptr<StatusServer> server_;
  std::optional<std::int64_t> followed_;         // watch thread
  std::map<std::string, std::string> reported_;  // watch thread: the last error of each action
  std::thread server_thread_;
  std::thread watch_thread_;
};

}  // namespace agent_secrets::sidecar
