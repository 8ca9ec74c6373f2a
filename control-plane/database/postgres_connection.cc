#include "control-plane/database/postgres_connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include "control-plane/database/postgres_failure.h"
#include "control-plane/database/postgres_values.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kBinary = 1;
constexpr int kServerVersionMin = 150000;
// The server ends a statement earlier (database/postgres_options.cc). After this time the server or
// the network is taken for gone.
constexpr std::chrono::seconds kAnswerTimeout{20};

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

PostgresFailure failure_of(const PGresult* result) {
  return postgres_failure(field(result, PG_DIAG_SQLSTATE), field(result, PG_DIAG_MESSAGE_PRIMARY));
}

bool succeeded(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

Result<void> check_version(const PostgresOptions& options, int version) {
  if (version >= kServerVersionMin) return {};
  return fail(ErrorCode::failed,
              fmt::format("connect {}: the server is PostgreSQL {}", options.name, version / 10000),
              "use PostgreSQL 15 or later");
}

}  // namespace

void PostgresConnection::Closer::operator()(PGconn* connection) const { PQfinish(connection); }
void PostgresConnection::Cleaner::operator()(PGresult* result) const { PQclear(result); }

PostgresConnection::~PostgresConnection() = default;

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(
    const PostgresOptions& options) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : options.parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<PostgresConnection> opened(
      new PostgresConnection(PQconnectdbParams(keywords.data(), values.data(), 0)));
  PGconn* connection = opened->connection_.get();
  if (PQstatus(connection) != CONNECTION_OK) {
    return std::unexpected(postgres_connect_error(options.name, PQerrorMessage(connection)));
  }
  if (auto ok = check_version(options, PQserverVersion(connection)); !ok) return propagate(ok);
  // libpq would write notices to stderr, past the log.
  PQsetNoticeReceiver(connection, [](void*, const PGresult*) {}, nullptr);
  if (PQsetnonblocking(connection, 1) != 0 || PQenterPipelineMode(connection) != 1) {
    return fail(ErrorCode::failed, fmt::format("connect {}: no pipeline mode", options.name));
  }
  return opened;
}

void PostgresConnection::lose(std::string_view why) {
  lost_ = true;
  throw PostgresFailure(PostgresFailure::Kind::lost, {.code = ErrorCode::unavailable,
                                                      .message = fmt::format("database: {}", why)});
}

void PostgresConnection::check(int succeeded) {
  if (succeeded != 1) lose("the connection is lost");
}

void PostgresConnection::queue(const char* command) {
  check(PQsendQueryParams(connection_.get(), command, 0, nullptr, nullptr, nullptr, nullptr,
                          kBinary));
  queued_.push_back(nullptr);
}

void PostgresConnection::queue(std::string_view text, std::span<const Value> values) {
  const PostgresParameters parameters(values);
  auto [found, is_new] = prepared_.try_emplace({text, parameters.signature()});
  Prepared& statement = found->second;
  if (is_new) statement.name = fmt::format("s{}", prepared_.size());
  if (!statement.ready && std::ranges::find(queued_, &statement) == queued_.end()) {
    check(PQsendPrepare(connection_.get(), statement.name.c_str(), with_dollars(text).c_str(),
                        parameters.count(), parameters.types()));
    queued_.push_back(&statement);
  }
  check(PQsendQueryPrepared(connection_.get(), statement.name.c_str(), parameters.count(),
                            parameters.values(), parameters.lengths(), parameters.formats(),
                            kBinary));
  queued_.push_back(nullptr);
}

std::vector<PostgresConnection::Answer> PostgresConnection::run_queued() {
  // Begins anew with each answer: in the server each statement has a time of its own.
  const auto soon = [] { return steady_clock::now() + kAnswerTimeout; };
  if (lost_) lose("the connection is lost");
  check(PQpipelineSync(connection_.get()));
  flush(soon());
  skip_owed(soon());
  std::vector<Answer> answers;
  std::optional<PostgresFailure> failure;
  for (Prepared* prepared : std::exchange(queued_, {})) {
    Answer answer = next(soon());
    if (answer == nullptr) lose("an answer is missing");
    if (succeeded(answer.get())) {
      if (prepared != nullptr) prepared->ready = true;
    } else if (!failure) {  // the answers after it only say that their statements were skipped
      failure = failure_of(answer.get());
    }
    if (PQstatus(connection_.get()) != CONNECTION_OK) break;
    if (next(soon()) != nullptr) lose("an answer too many");
    if (prepared == nullptr) answers.push_back(std::move(answer));
  }
  if (failure && failure->kind() == PostgresFailure::Kind::lost) lost_ = true;
  if (PQstatus(connection_.get()) != CONNECTION_OK) lost_ = true;
  if (!lost_ && PQresultStatus(next(soon()).get()) != PGRES_PIPELINE_SYNC) {
    lose("the answers are out of step");
  }
  if (failure) throw *failure;
  if (lost_) lose("the connection is lost");
  return answers;
}

void PostgresConnection::send(const char* command) noexcept {
  PGconn* connection = connection_.get();
  const bool sent =
      !lost_ &&
      PQsendQueryParams(connection, command, 0, nullptr, nullptr, nullptr, nullptr, kBinary) == 1 &&
      PQpipelineSync(connection) == 1 && PQflush(connection) == 0;
  if (sent) {
    ++owed_;
  } else {
    lost_ = true;
  }
}

void PostgresConnection::skip_owed(Deadline deadline) {
  while (owed_ > 0) {
    const Answer answer = next(deadline);
    if (PQstatus(connection_.get()) != CONNECTION_OK) lose("the connection is lost");
    if (answer != nullptr && PQresultStatus(answer.get()) == PGRES_PIPELINE_SYNC) --owed_;
  }
}

void PostgresConnection::await(short events, Deadline deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  if (left.count() <= 0) lose("no answer in time");
  pollfd socket{.fd = PQsocket(connection_.get()), .events = events, .revents = 0};
  const int ready = ::poll(&socket, 1, static_cast<int>(left.count()));
  if (ready < 0 && errno != EINTR) lose("the connection is lost");
  // Also while sending: the server may wait for us to read before it reads on.
  if (ready > 0 && (socket.revents & ~POLLOUT) != 0) check(PQconsumeInput(connection_.get()));
}

void PostgresConnection::flush(Deadline deadline) {
  while (true) {
    const int left = PQflush(connection_.get());
    if (left == 0) return;
    if (left < 0) lose("the connection is lost");
    await(POLLIN | POLLOUT, deadline);
  }
}

PostgresConnection::Answer PostgresConnection::next(Deadline deadline) {
  while (PQisBusy(connection_.get()) != 0) await(POLLIN, deadline);
  return Answer(PQgetResult(connection_.get()));
}

// Not a prepared statement: LISTEN takes a name, not a parameter. libpq copies the text.
void PostgresConnection::listen(std::string_view channel) {
  queue(fmt::format("LISTEN \"{}\"", channel).c_str());
  run_queued();
}

void PostgresConnection::await_notices(int interrupt, milliseconds at_most) {
  std::array<pollfd, 2> both{
      pollfd{.fd = PQsocket(connection_.get()), .events = POLLIN, .revents = 0},
      pollfd{.fd = interrupt, .events = POLLIN, .revents = 0}};
  const int ready = ::poll(both.data(), both.size(), static_cast<int>(at_most.count()));
  if (ready < 0 && errno != EINTR) lose("the connection is lost");
  if (ready > 0 && both[0].revents != 0) receive_all();
}

// Each step reads at most what libpq's buffer has room for. Bounded, so that a server that sends
// without an end does not keep the caller here.
void PostgresConnection::receive_all() {
  constexpr int kStepsMax = 64;
  pollfd socket{.fd = PQsocket(connection_.get()), .events = POLLIN, .revents = 0};
  for (int step = 0; step < kStepsMax; ++step) {
    check(PQconsumeInput(connection_.get()));
    if (::poll(&socket, 1, 0) != 1) return;
  }
}

std::set<std::string> PostgresConnection::take_notices() {
  struct Freer {
    void operator()(PGnotify* notice) const { PQfreemem(notice); }
  };
  std::set<std::string> texts;
  while (true) {
    const std::unique_ptr<PGnotify, Freer> notice(PQnotifies(connection_.get()));
    if (notice == nullptr) return texts;
    if (notice->be_pid != PQbackendPID(connection_.get())) texts.emplace(notice->extra);
  }
}

void PostgresConnection::script(const char* sql) {
  skip_owed(steady_clock::now() + kAnswerTimeout);
  check(PQexitPipelineMode(connection_.get()));
  const Answer answer(PQexec(connection_.get(), sql));
  if (PQenterPipelineMode(connection_.get()) != 1) lost_ = true;
  if (succeeded(answer.get())) return;
  const PostgresFailure failure = failure_of(answer.get());
  lost_ = lost_ || failure.kind() == PostgresFailure::Kind::lost;
  throw failure;
}

}  // namespace agent_secrets::control_plane
