#include "injector/bot_user.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tests/catch.h"

using namespace agent_secrets;

namespace {

using Groups = std::vector<gid_t>;

std::string message_of(std::string_view text) {
  const auto user = parse_bot_user(text);
  return user ? "" : user.error().message;
}

}  // namespace

TEST_CASE("a user is a UID and a GID, with further groups after commas") {
  const auto plain = parse_bot_user("1000:1001").value();
  CHECK(plain.user == 1000);
  CHECK(plain.group == 1001);
  CHECK(plain.groups == Groups{1001});
  const auto more = parse_bot_user("1:30,20,30,0").value();
  CHECK(more.group == 30);
  CHECK(more.groups == Groups{0, 20, 30});
  CHECK(parse_bot_user("4294967294:0").value().user == 4294967294U);
}

TEST_CASE("any other text is refused") {
  for (const char* text :
       {"",      "1000",   ":",       "1000:",        ":1000",        "bot:bot",     "1000:bot",
        "-1:1",  "+1:1",   "1000:-1", " 1:1",         "1:1 ",         "1:1,",        "1:,1",
        "1:1:1", "0x10:1", "1.0:1",   "4294967295:1", "1:4294967295", "4294967296:1"}) {
    CAPTURE(text);
    CHECK(message_of(text) == "--user: '" + std::string(text) + "' is not UID:GID[,GID...]");
  }
}

TEST_CASE("root is refused as the user of the command") {
  CHECK(message_of("0:1000") == "--user: 0 is root, which keeps every privilege");
}

TEST_CASE("only root can become another user") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const BotUser first{.user = 4242, .group = 4242, .groups = {4242}};
    if (::geteuid() == 0 && drop_privileges(first) != 0) ::_exit(2);
    const bool refused = !check_may_switch_user().has_value() &&
                         drop_privileges({.user = 4243, .group = 4243, .groups = {4243}}) == EPERM;
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
