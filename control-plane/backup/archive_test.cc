#include "control-plane/backup/archive.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

const std::string kManifestContent = "{}\n";

class Files {
 public:
  Files() {
    const std::string part(1500, 'x');
    directory_.write("part", part);
    const UniqueFd from(::open(directory_.path("part").c_str(), O_RDONLY | O_CLOEXEC));
    const UniqueFd to(::open(path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    REQUIRE(from.is_open());
    REQUIRE(to.is_open());
    ArchiveWriter writer(to.get(), path());
    REQUIRE(writer.add("manifest.json", kManifestContent));
    REQUIRE(writer.add_file("catalog.db", from.get(), part.size()));
    REQUIRE(writer.finish(key));
  }
  [[nodiscard]] std::string path() const { return directory_.path("backup"); }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }
  [[nodiscard]] std::string content() const { return directory_.read("backup"); }
  // The error of an archive with this content.
  [[nodiscard]] Error refusal(const std::string& content) const {
    directory_.write("other", content);
    auto opened = Archive::open(directory_.path("other"));
    REQUIRE_FALSE(opened);
    return opened.error();
  }

 private:
  TemporaryDirectory directory_;

 public:
  MasterKey key = *MasterKey::create_file(directory_.path("master.key"));
};

}  // namespace

TEST_CASE("an archive has what was written, and its seal is of the master key", "[backup]") {
  const Files files;
  const auto archive = Archive::open(files.path());
  REQUIRE(archive);
  REQUIRE(archive->entries().size() == 2);
  CHECK(archive->entries()[0].name == "manifest.json");
  CHECK(archive->read(archive->entries()[0], 100) == kManifestContent);
  CHECK(archive->read(archive->entries()[0], 1).error().code == ErrorCode::too_large);
  const auto sum = archive->extract(archive->entries()[1], files.path("unpacked"));
  REQUIRE(sum);
  const UniqueFd part(::open(files.path("part").c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(sum_of_file(part.get(), 1500, "part") == *sum);
  CHECK(archive->check_seal(files.key));
  const auto other = MasterKey::create_file(files.path("other.key"));
  REQUIRE(other);
  const auto refused = archive->check_seal(*other);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("was not made with this master key") != std::string::npos);
}

TEST_CASE("a changed byte is found wherever it is", "[backup]") {
  const Files files;
  const std::string content = files.content();
  for (std::size_t at = 0; at < content.size(); ++at) {
    std::string changed = content;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const Error error = files.refusal(changed);
    INFO("byte " << at << ": " << error.message);
    CHECK((error.code == ErrorCode::untrusted || error.code == ErrorCode::invalid));
  }
}

TEST_CASE("an archive that is cut off, or goes on after its end, is refused", "[backup]") {
  const Files files;
  const std::string content = files.content();
  for (std::size_t size = 0; size < content.size(); size += 100) {
    CHECK_FALSE(files.refusal(content.substr(0, size)).message.empty());
  }
  CHECK(files.refusal(content + "x").message.find("something follows its end") !=
        std::string::npos);
  CHECK(files.refusal("not a backup").code == ErrorCode::invalid);
}

TEST_CASE("a change with a checksum that fits is found by the seal", "[backup]") {
  const Files files;
  // What somebody without the master key can do: write everything again, with the seal as it is.
  const UniqueFd to(
      ::open(files.path("forged").c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  REQUIRE(to.is_open());
  constexpr std::size_t kSealAt = 512 + 512 + 512 + 1536;  // after the manifest and the part
  std::string forged = files.content();
  forged[512] = '[';
  Sha256 sum;
  const std::size_t end = forged.size() - 2048;
  sum.add({reinterpret_cast<const std::uint8_t*>(forged.data()), end});
  forged.replace(end + 512, 64, sum.hex());
  REQUIRE(forged.compare(kSealAt, 5, std::string("seal\0", 5)) == 0);
  REQUIRE(::write(to.get(), forged.data(), forged.size()) == static_cast<ssize_t>(forged.size()));
  const auto archive = Archive::open(files.path("forged"));
  REQUIRE(archive);
  const auto refused = archive->check_seal(files.key);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("was changed after it was made") != std::string::npos);
}

}  // namespace agent_secrets::control_plane
