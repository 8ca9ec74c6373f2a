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

TEST_CASE("each failover calls `moved` once, whichever process has raised the numbers") {
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

TEST_CASE("the first look calls `moved` if it has raised the numbers") {
  Watched w;
  w.answer = ServerTimeline{.id = "00000002", .was_raised = true};
  w.watch.look();
  CHECK(w.moves == 1);
}

TEST_CASE("a timeline that cannot be read is logged once, and a later failover is detected") {
  Watched w;
  w.watch.look();
  w.answer = fail(ErrorCode::failed, "permission denied for function pg_walfile_name");
  w.watch.look();
  w.watch.look();
  const std::string log = w.captured.text();
  CHECK(log.find("cannot read the timeline") != std::string::npos);
  CHECK(log.find("cannot read the timeline") == log.rfind("cannot read the timeline"));
  w.answer = ServerTimeline{.id = "00000002"};
  w.watch.look();
  CHECK(w.moves == 1);
}

TEST_CASE("a watch of a database without timelines starts") {
  Watched w;
  w.answer = ServerTimeline{};
  CHECK(w.watch.start().has_value());
  CHECK(w.moves == 0);
}

}  // namespace agent_secrets::control_plane
