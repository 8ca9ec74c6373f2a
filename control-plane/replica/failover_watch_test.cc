#include "control-plane/replica/failover_watch.h"

#include "tests/catch.h"
#include "tests/fakes/captured_log.h"

namespace agent_secrets::control_plane {
namespace {

struct Watched {
  Result<ServerTimeline> answer = ServerTimeline{.id = "00000001"};
  int moves = 0;
  CapturedLog captured;
  FailoverWatch watch{"catalog", [this] { return answer; }, [this] { ++moves; }, captured.log()};
};

}  // namespace

TEST_CASE("each failover is told once, whoever has raised the numbers") {
  Watched w;
  w.watch.look();
  w.watch.look();
  CHECK(w.moves == 0);
  w.answer = ServerTimeline{.id = "00000002", .was_raised = true};
  w.watch.look();
  w.answer = ServerTimeline{.id = "00000002"};
  w.watch.look();
  CHECK(w.moves == 1);
  w.answer = ServerTimeline{.id = "00000003"};
  w.watch.look();
  CHECK(w.moves == 2);
}

TEST_CASE("a failover that the first look has settled is told") {
  Watched w;
  w.answer = ServerTimeline{.id = "00000002", .was_raised = true};
  w.watch.look();
  CHECK(w.moves == 1);
}

TEST_CASE("a server that does not say its timeline is logged once, and noticed when it does") {
  Watched w;
  w.watch.look();
  w.answer = fail(ErrorCode::failed, "permission denied for function pg_walfile_name");
  w.watch.look();
  w.watch.look();
  const std::string log = w.captured.text();
  CHECK(log.find("is not known") != std::string::npos);
  CHECK(log.find("is not known") == log.rfind("is not known"));
  w.answer = ServerTimeline{.id = "00000002"};
  w.watch.look();
  CHECK(w.moves == 1);
}

TEST_CASE("a database without timelines is looked at once") {
  Watched w;
  w.answer = ServerTimeline{};
  CHECK(w.watch.start().has_value());
  CHECK(w.moves == 0);
}

}  // namespace agent_secrets::control_plane
