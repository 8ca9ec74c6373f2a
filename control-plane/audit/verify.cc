#include "control-plane/audit/verify.h"

#include <iterator>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

// Follows the chain once, from its beginning to its end.
class Verifier {
 public:
  Verifier(AuditLog& log, std::string_view name, const KeyLookup& find_key)
      : log_(log), name_(name), find_key_(find_key) {}

  Result<AuditVerification> run(const std::vector<std::string>& kept) {
    for (const std::string& text : kept) add_checkpoint("a kept checkpoint", text);
    if (auto read = read_own_checkpoints(); !read) return propagate(read);
    if (auto followed = follow_chain(); !followed) return propagate(followed);
    check_beginning();
    check_ends();
    if (auto looked = look_at_unchained(); !looked) return propagate(looked);
    if (auto looked = look_for_copies(); !looked) return propagate(looked);
    return std::move(found_);
  }

 private:
  void fault(std::string text) {
    if (found_.faults.size() < AuditVerification::kFaultsMax) {
      found_.faults.push_back(std::move(text));
    }
  }

  Result<void> read_own_checkpoints() {
    std::int64_t size = 0;
    while (true) {
      auto some = log_.list_checkpoints(size);
      if (!some) return propagate(some);
      if (some->empty()) return {};
      for (const auto& stored : *some) {
        add_checkpoint(fmt::format("the stored checkpoint of position {}", stored.size),
                       stored.text);
      }
      size = some->back().size;
    }
  }

  void add_checkpoint(const std::string& what, std::string_view text) {
    auto statement = verify_statement(AuditStatementKind::checkpoint, text, find_key_);
    if (!statement) {
      fault(fmt::format("{} is not valid: {}", what, statement.error().message));
    } else if (statement->log == name_) {
      checkpoints_.emplace(statement->position, std::move(*statement));
    }
  }

  // Records at positions below 0 are outside the chain: a server has refused them.
  Result<void> follow_chain() {
    std::int64_t position = std::numeric_limits<std::int64_t>::min();
    while (true) {
      auto records = log_.list_chained(position);
      if (!records) return propagate(records);
      if (records->empty()) return {};
      for (const AuditRecord& record : *records) {
        position = record.link->position;
        check_code(record);
        if (position >= 0) {
          check(record);
        } else if (record.is_authentic) {
          fault(fmt::format("the record with id {} was taken out of the chain", record.id));
        }
      }
    }
  }

  void check_code(const AuditRecord& record) {
    if (record.is_authentic) return;
    fault(
        fmt::format("no server has written the record with id {}, or it was changed since: its "
                    "authority code does not hold",
                    record.id));
  }

  Result<void> look_at_unchained() {
    std::int64_t id = std::numeric_limits<std::int64_t>::min();
    while (true) {
      auto records = log_.list_unchained(id);
      if (!records) return propagate(records);
      if (records->empty()) return {};
      for (const AuditRecord& record : *records) check_code(record);
      found_.unchained += std::ssize(*records);
      id = records->back().id;
    }
  }

  Result<void> look_for_copies() {
    auto copies = log_.list_copies(AuditVerification::kFaultsMax);
    if (!copies) return propagate(copies);
    for (const std::int64_t id : *copies) {
      fault(fmt::format("the record with id {} is a copy of another record", id));
    }
    return {};
  }

  void check(const AuditRecord& record) {
    const AuditLink& link = *record.link;
    if (!has_begun_) begin_at(link);
    if (link.position != found_.head.size + 1) {
      fault(fmt::format("records are missing: position {} comes after {}", link.position,
                        found_.head.size));
    } else if (link.prev != found_.head.hash) {
      fault(fmt::format("record {} (id {}) does not follow the record before it", link.position,
                        record.id));
    }
    if (hash_record(record, link.position, link.prev) != link.hash) {
      fault(fmt::format("record {} (id {}) was changed: its hash is not that of its content",
                        link.position, record.id));
    }
    found_.head = {.size = link.position, .hash = link.hash};
    note_cut(record);
    compare_checkpoints();
  }

  void begin_at(const AuditLink& link) {
    has_begun_ = true;
    first_prev_ = link.prev;
    found_.first = link.position;
    found_.head = {.size = link.position - 1, .hash = link.prev};
  }

  void note_cut(const AuditRecord& record) {
    if (record.entry.action != kAuditCutAction) return;
    auto cut = verify_statement(AuditStatementKind::cut, record.entry.detail, find_key_);
    if (cut && cut->log == name_) cuts_.emplace(cut->position, cut->hash);
    if (!cut) fault(fmt::format("record {}: {}", record.link->position, cut.error().message));
  }

  void compare_checkpoints() {
    const auto [first, last] = checkpoints_.equal_range(found_.head.size);
    for (auto each = first; each != last; ++each) {
      if (each->second.hash == found_.head.hash) {
        ++found_.checkpoints;
      } else {
        fault(
            fmt::format("record {} has another hash than a checkpoint says: the log was written "
                        "anew",
                        found_.head.size));
      }
    }
  }

  // A log that does not begin at its first record needs a signed cut that says so.
  void check_beginning() {
    if (found_.first == 1) {
      if (first_prev_ != AuditHash{}) fault("the first record follows another one");
      return;
    }
    if (found_.first < 1) {
      return fault(fmt::format("a record has position {}, which no server gives", found_.first));
    }
    const auto cut = cuts_.find(found_.first - 1);
    if (cut == cuts_.end()) {
      fault(
          fmt::format("records 1 to {} are missing, and no signed cut says so", found_.first - 1));
    } else if (cut->second != first_prev_) {
      fault(fmt::format("the log does not go on from its cut at record {}", found_.first - 1));
    }
  }

  void check_ends() {
    for (const auto& [size, checkpoint] : checkpoints_) {
      if (size > found_.head.size) {
        fault(fmt::format("records are missing at the end: a checkpoint has {}, the log {}", size,
                          found_.head.size));
      }
      if (size < found_.first) ++found_.before_first;
    }
  }

  AuditLog& log_;
  const std::string name_;
  const KeyLookup& find_key_;
  AuditVerification found_;
  bool has_begun_ = false;
  AuditHash first_prev_{};
  std::multimap<std::int64_t, AuditStatement> checkpoints_;  // by position
  std::map<std::int64_t, AuditHash> cuts_;                   // by the last removed position
};

}  // namespace

Result<AuditVerification> verify_audit(AuditLog& log, std::string_view name,
                                       const KeyLookup& find_key,
                                       const std::vector<std::string>& kept) {
  return Verifier(log, name, find_key).run(kept);
}

}  // namespace agent_secrets::control_plane
