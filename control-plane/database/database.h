#pragma once
// A database as the stores and the keys see it: work runs in one transaction, wholly or not at all.
//
//   return database.write("add region", [&](Transaction& tx) -> Result<void> {
//     tx.execute("INSERT INTO regions (code, display_name) VALUES (?1, ?2)", code, name);
//     return {};
//   });
//
// `work` returns a Result. The transaction is committed when the work succeeds, and rolled back
// when it fails or throws. An error of the work passes unchanged; one of the database gets
// `clause`.
//
// The work may run more than once, because another transaction got in its way; only its last run
// counts. So it changes nothing outside but what it returns. It must not begin another transaction.
//
// Threads: read() and write() are safe from several. The work may run on another thread than the
// caller's, who waits meanwhile.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "control-plane/database/transaction.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  virtual ~Database() = default;

  [[nodiscard]] virtual Dialect dialect() const = 0;
  // What messages call it: a path, or host and database. Never a password.
  [[nodiscard]] virtual const std::string& name() const = 0;

  // What the work reads is still true when it commits.
  template <typename Work>
  std::invoke_result_t<Work, Transaction&> write(std::string_view clause, const Work& work) {
    return run(Access::write, clause, work);
  }
  // One consistent view; a statement that changes something fails.
  template <typename Work>
  std::invoke_result_t<Work, Transaction&> read(std::string_view clause, const Work& work) {
    return run(Access::read, clause, work);
  }

 protected:
  enum class Access : std::uint8_t { read, write };
  // True: commit. What it throws besides DatabaseFailure is thrown again to the caller.
  using Body = std::function<bool(Transaction&)>;

 private:
  virtual Result<void> transact(Access access, const Body& body) = 0;

  template <typename Work>
  std::invoke_result_t<Work, Transaction&> run(Access access, std::string_view clause,
                                               const Work& work) {
    std::optional<std::invoke_result_t<Work, Transaction&>> result;
    auto outcome = transact(access, [&](Transaction& tx) {
      result.emplace(work(tx));
      return result->has_value();
    });
    if (!outcome) return propagate(outcome, clause);
    return std::move(*result);
  }
};

}  // namespace agent_secrets::control_plane
