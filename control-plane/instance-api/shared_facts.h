#pragma once
// Facts about an agent, and the answer for its watches. A change may wake thousands of watches of
// one agent at the same moment, and their next requests arrive together too. The first watch after
// a change reads the store and makes the answer, and the other watches wait for the result. So the
// number of queries does not depend on the number of watches. A new request also reads its
// credential.
//
// Facts are valid for one generation of the agent (replica/change_hub.h): they were read after the
// hub had counted this generation. A change that the hub has not counted yet may be missing. A
// watch that waits because of such facts is woken when the hub counts the change, within
// limits::kLookEvery. But a client may have learned of the change from another server. Therefore a
// request that has just arrived is never answered from shared facts, and may only be parked because
// of them. A watch whose wait has ended reads the store: it is not woken again.
//
// At most kEntriesMax pairs of an agent and a sequence are kept.
//
// Threads: safe from several.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "control-plane/model/agent_snapshot.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct AgentFacts {
  std::optional<AgentSnapshot> snapshot;  // compared with what the instance runs
  std::optional<Release> running;         // what the instance runs, if it is known
  // For every watch whose credential is valid.
  std::string body = {};
  std::string entity_tag = {};
};

class SharedFacts {
 public:
  static constexpr std::size_t kEntriesMax = 1024;
  using Facts = std::shared_ptr<const AgentFacts>;
  // An agent, and the sequence of the release that the instance runs.
  using Subject = std::pair<std::int64_t, std::int64_t>;

  // Calls `read` unless facts of this generation, or of a later one, are kept. If `read` fails, its
  // error is returned, and the next call reads again.
  Result<Facts> find(const Subject& subject, std::uint64_t generation,
                     const std::function<Result<AgentFacts>()>& read);

  // What find() would return without a call of `read` and without waiting for one; else null.
  Facts find_kept(const Subject& subject, std::uint64_t generation);

 private:
  struct Entry {
    explicit Entry(std::uint64_t of) : generation(of) {}

    const std::uint64_t generation;
    std::mutex reading;
    Facts facts;  // null until they have been read
  };
  std::shared_ptr<Entry> entry_of(const Subject& subject, std::uint64_t generation);

  std::mutex mutex_;
  std::map<Subject, std::shared_ptr<Entry>> entries_;
};

}  // namespace agent_secrets::control_plane
