#include "core/directory.h"

#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;
namespace fs = std::filesystem;

namespace {

constexpr uid_t kStranger = 4242;
constexpr std::string_view kNoun = "test directory";

ErrorCode code_of(const std::string& path) {
  const auto opened = open_directory(path, kNoun);
  return opened ? ErrorCode::failed : opened.error().code;
}

bool opens(const std::string& path) { return open_directory(path, kNoun).has_value(); }

void give_away(const std::string& path) {
  REQUIRE(::lchown(path.c_str(), kStranger, kStranger) == 0);
}

}  // namespace

TEST_CASE("a directory is opened, and what is missing or no directory is told apart") {
  const TemporaryDirectory place;
  fs::create_directory(place.path("there"));
  place.write("file", "");
  CHECK(opens(place.path("there")));
  CHECK(opens(place.path("there/")));
  CHECK(code_of(place.path("missing")) == ErrorCode::not_found);
  CHECK(code_of(place.path("file")) == ErrorCode::untrusted);
  CHECK(open_directory(place.path("missing"), kNoun).error().message ==
        "open test directory " + place.path("missing") + ": no such file or directory");
}

TEST_CASE("a directory that is a symbolic link is refused, whoever made the link") {
  const TemporaryDirectory place;
  fs::create_directory(place.path("there"));
  fs::create_directory_symlink(place.path("there"), place.path("link"));
  CHECK(code_of(place.path("link")) == ErrorCode::untrusted);
  CHECK(code_of(place.path("link/")) == ErrorCode::untrusted);
  CHECK(make_directory(place.path("link"), kNoun, 0700).error().code == ErrorCode::untrusted);
}

TEST_CASE("a link on the way that only this user or root can have made is followed") {
  const TemporaryDirectory place;
  fs::create_directories(place.path("real/there"));
  fs::create_directory_symlink(place.path("real"), place.path("absolute"));
  fs::create_directory_symlink("real", place.path("relative"));
  fs::create_directory_symlink("../" + fs::path(place.path()).filename().string() + "/relative",
                               place.path("twice"));
  for (const char* way : {"absolute", "relative", "twice", "real/../relative/."}) {
    INFO(way);
    CHECK(opens(place.path(std::string(way) + "/there")));
    CHECK(code_of(place.path(std::string(way) + "/missing")) == ErrorCode::not_found);
    CHECK(make_directory(place.path(std::string(way) + "/there/new"), kNoun, 0700));
    CHECK(make_directory(place.path(std::string(way) + "/beside"), kNoun, 0700));
  }
}

TEST_CASE("links that lead in a circle are an error") {
  const TemporaryDirectory place;
  fs::create_directory_symlink("b", place.path("a"));
  fs::create_directory_symlink("a", place.path("b"));
  CHECK_FALSE(opens(place.path("a/there")));
}

TEST_CASE("a link in a directory that others may write to is not followed") {
  const TemporaryDirectory place;
  fs::create_directories(place.path("real/there"));
  fs::create_directory(place.path("shared"));
  fs::create_directory_symlink(place.path("real"), place.path("shared/link"));
  for (const mode_t mode : {0777, 0775}) {
    REQUIRE(::chmod(place.path("shared").c_str(), mode) == 0);
    CHECK(code_of(place.path("shared/link/there")) == ErrorCode::untrusted);
  }
  // As /tmp: no other user can have created the link.
  REQUIRE(::chmod(place.path("shared").c_str(), 01777) == 0);
  CHECK(opens(place.path("shared/link/there")));
}

TEST_CASE("root does not follow another user's link, nor any link in that user's directory") {
  if (::geteuid() != 0) return;
  const TemporaryDirectory place;
  fs::create_directories(place.path("real/there"));
  fs::create_directory(place.path("tmp"));
  REQUIRE(::chmod(place.path("tmp").c_str(), 01777) == 0);
  fs::create_directory_symlink(place.path("real"), place.path("tmp/link"));
  give_away(place.path("tmp/link"));
  CHECK(code_of(place.path("tmp/link/there")) == ErrorCode::untrusted);

  fs::create_directory(place.path("home"));
  fs::create_directory_symlink(place.path("real"), place.path("home/link"));
  give_away(place.path("home"));
  CHECK(code_of(place.path("home/link/there")) == ErrorCode::untrusted);
  CHECK(make_directory(place.path("home/link/new"), kNoun, 0755).error().code ==
        ErrorCode::untrusted);
  CHECK_FALSE(fs::exists(place.path("real/new")));
}

TEST_CASE("a missing directory is made with its mode, and one that is there is left as it is") {
  const TemporaryDirectory place;
  const mode_t before = ::umask(0022);
  const auto made = make_directory(place.path("new/"), kNoun, 0775);
  ::umask(before);
  REQUIRE(made);
  CHECK(made->is_new);
  struct stat status{};
  REQUIRE(::stat(place.path("new").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0775);
  const auto again = make_directory(place.path("new"), kNoun, 0700);
  REQUIRE(again);
  CHECK_FALSE(again->is_new);
  CHECK(::fstat(again->fd.get(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0775);
  const auto orphan = make_directory(place.path("no/parent"), kNoun, 0700);
  REQUIRE_FALSE(orphan);
  CHECK(orphan.error().message ==
        "make test directory " + place.path("no/parent") + ": no such file or directory");
}

TEST_CASE("whose a directory is, and who else may write to it, is checked") {
  const TemporaryDirectory place;
  const auto opened = open_directory(place.path(), kNoun);
  REQUIRE(opened);
  CHECK(check_directory(opened->get(), "it", Writers::owner));
  REQUIRE(::chmod(place.path().c_str(), 0777) == 0);
  CHECK_FALSE(check_directory(opened->get(), "it", Writers::owner));
  CHECK(check_directory(opened->get(), "it", Writers::anybody));
  if (::geteuid() != 0) return;
  give_away(place.path());
  CHECK(check_directory(opened->get(), "it", Writers::anybody).error().code ==
        ErrorCode::untrusted);
  CHECK(check_directory(opened->get(), "it", Writers::anybody, kStranger));
}
