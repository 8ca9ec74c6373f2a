#include "injector/environment.h"

#include <sys/resource.h>

#include "core/limits.h"
#include "core/reserved_names.h"
#include "core/secret_buffer.h"
#include "injector/arrangement.h"
#include "tests/catch.h"

using namespace agent_secrets;

namespace {

// An image's environment, a set, and what comes of them as text.
struct Scene {
  std::vector<std::string> image;
  std::vector<EnvironmentPair> set;
  EnvironmentPolicy policy{};

  SecretBuffer block{};
  std::vector<char*> image_pointers{};
  std::vector<EnvironmentEntry> entries{};
  Arrangement arranged{};

  Result<std::vector<char*>> compose() {
    image_pointers.clear();
    for (std::string& entry : image) image_pointers.push_back(entry.data());
    image_pointers.push_back(nullptr);
    block = build_environment_block(set).value();
    entries = parse_environment_block(block).value();
    auto arranged_set = arrange(entries, policy);
    if (!arranged_set) return propagate(arranged_set);
    arranged = std::move(*arranged_set);
    return compose_environment(image_pointers.data(), arranged.entries, policy);
  }

  std::vector<std::string> composed() {
    const auto environment = compose();
    REQUIRE(environment.has_value());
    REQUIRE(environment->back() == nullptr);
    return {environment->begin(), environment->end() - 1};
  }

  std::string message() {
    const auto environment = compose();
    REQUIRE_FALSE(environment.has_value());
    return environment.error().message;
  }
};

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("the image's environment comes first, unchanged, then the set") {
  Scene scene{.image = {"B=2", "A=1"}, .set = {{"Z", "26"}, {"K", "v=w"}}};
  CHECK(scene.composed() == Strings{"B=2", "A=1", "K=v=w", "Z=26"});
}

TEST_CASE("odd entries of the image are kept byte for byte and in order") {
  Scene scene{.image = {"NOEQUALS", "=C:=x", "", "A=", "A=twice", "B\xff=\xfe"},
              .set = {{"K", "v"}}};
  CHECK(scene.composed() == Strings{"NOEQUALS", "=C:=x", "", "A=", "A=twice", "B\xff=\xfe", "K=v"});
}

TEST_CASE("only the credential variables are removed from the environment") {
  Scene scene{.image = {"AGENT_SECRETS_CREDENTIAL=x", "AGENT_SECRETS_CREDENTIAL_FILE=y",
                        "AGENT_SECRETS_CREDENTIAL=again", "AGENT_SECRETS_LOG=json"},
              .set = {}};
  CHECK(scene.composed() == Strings{"AGENT_SECRETS_LOG=json"});
}

TEST_CASE("a value of the set points into its block") {
  Scene scene{.image = {}, .set = {{"K", "v"}}};
  const auto environment = scene.compose();
  REQUIRE(environment.has_value());
  CHECK(static_cast<const void*>(environment->front()) == scene.block.expose().data());
}

TEST_CASE("on a conflict the set's value replaces every duplicate of the image") {
  Scene scene{.image = {"K=image", "A=1", "K=again"}, .set = {{"K", "set"}}};
  CHECK(scene.composed() == Strings{"A=1", "K=set"});
}

TEST_CASE("the image's value stays with --on-conflict keep") {
  Scene scene{.image = {"K=image"}, .set = {{"K", "set"}, {"L", "new"}}};
  scene.policy.on_conflict = OnConflict::keep;
  CHECK(scene.composed() == Strings{"K=image", "L=new"});
}

TEST_CASE("the error of --on-conflict fail has every conflicting key, and no value") {
  Scene scene{.image = {"K=image", "L=image"}, .set = {{"K", "set"}, {"L", "set"}, {"M", "set"}}};
  scene.policy.on_conflict = OnConflict::fail;
  CHECK(scene.message() == "both the image and the secret set have: K, L");
}

TEST_CASE("only the keys of --only are taken, and the image's variables stay") {
  Scene scene{.image = {"B=image"}, .set = {{"A", "1"}, {"B", "2"}, {"C", "3"}}};
  scene.policy.only = {"A", "C", "NOT_THERE"};
  CHECK(scene.composed() == Strings{"B=image", "A=1", "C=3"});
  CHECK(not_in_set(scene.entries, scene.policy.only) == Strings{"NOT_THERE"});
}

TEST_CASE("the error of --require has all missing keys") {
  Scene scene{.image = {"FROM_IMAGE=1"}, .set = {{"FROM_SET", "1"}}};
  scene.policy.require = {"FROM_IMAGE", "FROM_SET"};
  CHECK(scene.composed().size() == 2);
  scene.policy.require = {"X", "FROM_SET", "Y"};
  CHECK(scene.message() == "required keys are missing: X, Y");
}

TEST_CASE("a required key with an empty value counts as missing") {
  Scene scene{.image = {"IMAGE=", "TWICE=", "TWICE=2", "NONE", "OK=1", "OK="},
              .set = {{"SET", ""}, {"FULL", "1"}}};
  scene.policy.require = {"FULL", "OK"};
  CHECK(scene.composed().size() == 8);
  scene.policy.require = {"SET", "IMAGE", "TWICE", "NONE", "FULL", "GONE"};
  CHECK(scene.message() ==
        "required keys are missing: SET (empty), IMAGE (empty), TWICE (empty), NONE, GONE");
}

TEST_CASE("a required key that --on-conflict keep leaves to the image must not be empty there") {
  Scene scene{.image = {"K="}, .set = {{"K", "set"}}};
  scene.policy.require = {"K"};
  CHECK(scene.composed() == Strings{"K=set"});
  scene.policy.on_conflict = OnConflict::keep;
  CHECK(scene.message() == "required keys are missing: K (empty)");
}

TEST_CASE("a name that is not valid in a shell is passed to the command") {
  Scene scene{.image = {}, .set = {{"MY-KEY", "1"}, {"1st", "2"}}};
  CHECK(scene.composed() == Strings{"1st=2", "MY-KEY=1"});
}

TEST_CASE("reserved names are refused with their reasons, unless --allow has them") {
  Scene scene{.image = {}, .set = {{"LD_PRELOAD", "/x.so"}, {"IFS", "1"}, {"OK", "1"}}};
  const std::string message = scene.message();
  CHECK(message.find("LD_PRELOAD (loads code into every program)") != std::string::npos);
  CHECK(message.find("IFS (") != std::string::npos);
  CHECK(message.find("/x.so") == std::string::npos);
  scene.policy.allow = {"IFS"};
  CHECK(scene.message().find("IFS") == std::string::npos);
  scene.policy.allow = {"IFS", "LD_PRELOAD"};
  CHECK(scene.composed().size() == 3);
}

TEST_CASE("the set's value replaces what the image or the platform usually sets") {
  Scene scene{.image = {"PORT=7860", "HOME=/root"}, .set = {{"ENV", "production"}, {"PORT", "1"}}};
  CHECK(scene.composed() == Strings{"HOME=/root", "ENV=production", "PORT=1"});
}

// The control plane uses refused_names() too (control-plane/catalog/allowed_names_test.cc).
TEST_CASE("a start accepts every name that refused_names() accepts") {
  for (const ReservedName& entry : reserved_names()) {
    std::string name(entry.pattern);
    if (name.ends_with('*')) name.back() = 'X';
    INFO(name);
    Scene scene{.image = {}, .set = {{name, "1"}}};
    CHECK(scene.compose().has_value() == refused_names({name}, {}).empty());
  }
}

TEST_CASE("a reserved name that --only leaves out is not refused") {
  Scene scene{.image = {}, .set = {{"LD_PRELOAD", "/x.so"}, {"OK", "1"}}};
  scene.policy.only = {"OK"};
  CHECK(scene.composed() == Strings{"OK=1"});
}

TEST_CASE("an assignment at the kernel's limit is accepted, and a longer one refused by name") {
  const std::string value(limits::kEnvironmentString - 3, 'v');  // "K=" and a NUL
  Scene scene{.image = {}, .set = {{"K", value}}};
  CHECK(scene.composed().size() == 1);
  const std::string more = value + 'v';
  scene.set = {{"K", more}, {"L", more}, {"M", "1"}};
  CHECK(scene.message() == "name and value take more than 131072 bytes: K, L");
  scene.policy.files = {{.key = "K", .variable = "", .path = ""},
                        {.key = "L", .variable = "", .path = ""}};
  CHECK(scene.composed() == Strings{"K=/proc/self/fd/100", "L=/proc/self/fd/101", "M=1"});
}

TEST_CASE("reserved names, conflicts and --require are checked with the command's names") {
  Scene scene{.image = {"BOT_A=image"}, .set = {{"A", "1"}, {"IFS", "2"}}};
  CHECK(scene.message().starts_with("the secret set has reserved names: IFS"));
  scene.policy.renaming.prefix = "BOT_";
  CHECK(scene.composed() == Strings{"BOT_A=1", "BOT_IFS=2"});
  scene.policy.require = {"A"};
  CHECK(scene.message() == "required keys are missing: A");
  scene.policy.require = {"BOT_A"};
  scene.policy.on_conflict = OnConflict::fail;
  CHECK(scene.message() == "both the image and the secret set have: BOT_A");
  scene.policy.on_conflict = OnConflict::keep;
  CHECK(scene.composed() == Strings{"BOT_A=image", "BOT_IFS=2"});
  scene.policy.renaming.renames = {{.from = "A", .to = "LD_PRELOAD"}};
  CHECK(scene.message().starts_with("the secret set has reserved names: LD_PRELOAD"));
}

TEST_CASE("a reserved name of the image is accepted") {
  Scene scene{.image = {"LD_PRELOAD=/jemalloc.so", "PATH=/bin"}, .set = {}};
  CHECK(scene.composed().size() == 2);
}

TEST_CASE("the space for arguments follows execve(2)") {
  CHECK(argument_space(8 * 1024 * 1024) == 2 * 1024 * 1024);
  CHECK(argument_space(RLIM_INFINITY) == 6 * 1024 * 1024);
  CHECK(argument_space(64 * 1024) == 128 * 1024);
}

TEST_CASE("the error for an environment that is too large names the largest keys") {
  Scene scene{
      .image = {"A=1"},
      .set = {
          {"BIG", std::string_view("xxxxxxxxxx")}, {"SMALL", "x"}, {"MID", "xxxxx"}, {"TINY", ""}}};
  const auto environment = scene.compose();
  REQUIRE(environment.has_value());
  const Strings command{"bot"};
  // Strings with their NULs and pointers, the command's name twice.
  const std::size_t exact = (4 + 4 + 8) + (4 + 8) + (15 + 8) + (8 + 8) + (10 + 8) + (6 + 8);
  CHECK(check_argument_space(command, *environment, scene.entries, exact).has_value());
  const auto checked = check_argument_space(command, *environment, scene.entries, exact - 1);
  REQUIRE_FALSE(checked.has_value());
  CHECK(checked.error().code == ErrorCode::too_large);
  CHECK(checked.error().message.ends_with("BIG (14 bytes), MID (9 bytes), SMALL (7 bytes)"));
}
