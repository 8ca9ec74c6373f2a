#include "injector/instance_id.h"

#include <array>
#include <climits>
#include <vector>

#include <unistd.h>

#include "tests/catch.h"

using namespace agent_secrets;

TEST_CASE("a host name is the instance id if it is valid") {
  CHECK(choose_instance_id("phone-7d9f.example_1") == "phone-7d9f.example_1");
  for (const char* name : {"", "has space", "sl/ash", "\xc3\xa9"}) {
    CHECK(choose_instance_id(name).size() == 16);
  }
  CHECK(choose_instance_id(std::string(65, 'a')).size() == 16);
  CHECK(choose_instance_id("") != choose_instance_id(""));
}

TEST_CASE("a run beside an instance has an id of its own, with the name of the host") {
  const std::string id = choose_id_beside("host-1", "run");
  CHECK(id.starts_with("host-1.run-"));
  CHECK(choose_instance_id(id) == id);
  CHECK(choose_id_beside("host-1", "run") != id);
  const std::string longest(64, 'a');
  CHECK(choose_id_beside(longest, "one-shot").size() == 64);
  CHECK_FALSE(choose_id_beside("", "run").starts_with("."));
}

TEST_CASE("all developers' runs on one host have one id, which is not the bot's") {
  CHECK(choose_developers_id("laptop") == "laptop.develop");
  CHECK(choose_developers_id(std::string(64, 'a')) == std::string(56, 'a') + ".develop");
}

TEST_CASE("the host's name is $HOSTNAME, or the name of gethostname()") {
  std::string variable = "HOSTNAME=from-the-variable";
  std::vector<char*> environment = {variable.data(), nullptr};
  CHECK(host_name(environment.data()) == "from-the-variable");
  environment = {nullptr};
  std::array<char, HOST_NAME_MAX + 1> name{};
  REQUIRE(::gethostname(name.data(), name.size()) == 0);
  const std::string own = name.data();
  CHECK(host_name(environment.data()) == (own.starts_with("localhost") ? "" : own));
}
