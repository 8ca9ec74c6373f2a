#pragma once
// What the store of a region says about an agent, read once for all watches that a change wakes.
// Thousands of watches of one agent ask for the same at the same moment: the first of them reads
// the store, and the others wait for it. So the queries for one change do not depend on the number
// of watches.
//
// Facts are good for one generation of the agent (replica/change_hub.h): they were read after the
// hub had counted it. A change that the hub has not counted yet may be missing. Whoever uses old
// facts is woken again when the hub counts that change, within limits::kLookEvery. So facts are
// shared between parked watches alone; a request that arrives reads the store.
//
// At most kEntriesMax agents and sequences are kept.
//
// Threads: safe from several.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "control-plane/model/agent_snapshot.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct AgentFacts {
  std::optional<AgentSnapshot> snapshot;  // compared with what the instance runs
  std::optional<Release> running;         // what the instance runs, if it is known
};

class SharedFacts {
 public:
  static constexpr std::size_t kEntriesMax = 1024;
  using Facts = std::shared_ptr<const AgentFacts>;
  // An agent, and the sequence of the release that the instance runs.
  using Subject = std::pair<std::int64_t, std::int64_t>;

  // `read` is called unless facts of the generation, or of a later one, are there. Its error is the
  // result, and the next call reads again.
  Result<Facts> find(const Subject& subject, std::uint64_t generation,
                     const std::function<Result<AgentFacts>()>& read);

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
