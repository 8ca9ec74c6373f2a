#pragma once
// One connection to PostgreSQL, in libpq's pipeline mode
// (postgresql.org/docs/15/libpq-pipeline-mode.html): several statements are queued and travel to
// the server together, so they cost one round trip.
//
//   connection.queue("BEGIN");
//   connection.queue("SELECT name FROM agents WHERE id = ?1", values);
//   const auto answers = connection.run_queued();  // of both, in this order
//
// A statement with parameters is prepared when this connection first meets it, and found again by
// its text and the types of its parameters. Prepared statements belong to a connection, so a
// pooler that gives each transaction another one must know of them (PgBouncer 1.21 and later do,
// with max_prepared_statements).
//
// Threads: one at a time.

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control-plane/database/postgres_options.h"
#include "control-plane/database/transaction.h"
#include "core/error.h"

using PGconn = struct pg_conn;
using PGresult = struct pg_result;

namespace agent_secrets::control_plane {

class PostgresConnection {
  struct Cleaner {
    void operator()(PGresult* result) const;
  };

 public:
  using Answer = std::unique_ptr<PGresult, Cleaner>;

  // Refuses a server older than 15. Errors: as postgres_connect_error() says.
  static Result<std::unique_ptr<PostgresConnection>> open(const PostgresOptions& options);
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;
  ~PostgresConnection();

  // Nothing is sent yet. `text` lives as long as the program (database/sql.h).
  void queue(const char* command);
  void queue(std::string_view text, std::span<const Value> values);
  // Sends what is queued and waits for the answers. Throws the PostgresFailure of the first
  // statement that fails, once the connection is in order again; the server skips those after it.
  std::vector<Answer> run_queued();
  // Sends a command of its own and does not wait. The next run_queued() reads past its answer.
  void send(const char* command) noexcept;
  // From here on the server sends the notices of this channel (LISTEN). Waits for the server.
  void listen(std::string_view channel);
  // Returns when something has come from the server, `interrupt` is readable, or the time is over.
  void await_notices(int interrupt, std::chrono::milliseconds at_most);
  // The texts of the notices that have come, each once, without those of this connection.
  std::set<std::string> take_notices();
  // Several statements without parameters and rows: migrations. Waits without a deadline.
  void script(const char* sql);
  // The connection is of no use any more.
  [[nodiscard]] bool is_lost() const { return lost_; }

 private:
  struct Prepared {
    std::string name;
    bool ready = false;  // the server has it
  };
  using Deadline = std::chrono::steady_clock::time_point;

  explicit PostgresConnection(PGconn* connection) : connection_(connection) {}
  [[noreturn]] void lose(std::string_view why);
  void check(int succeeded);
  void flush(Deadline deadline);
  Answer next(Deadline deadline);
  void await(short events, Deadline deadline);
  void receive_all();
  void skip_owed(Deadline deadline);

  struct Closer {
    void operator()(PGconn* connection) const;
  };
  std::unique_ptr<PGconn, Closer> connection_;
  bool lost_ = false;
  int owed_ = 0;  // synchronization points that were sent and whose answers have not been read
  // What is queued, in order: the statement that is being prepared, or null for one that runs.
  std::vector<Prepared*> queued_;
  std::map<std::pair<std::string_view, std::string>, Prepared> prepared_;  // by text and types
};

}  // namespace agent_secrets::control_plane
