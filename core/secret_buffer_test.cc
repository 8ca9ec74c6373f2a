#include "core/secret_buffer.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <type_traits>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/catch.h"

using namespace agent_secrets;

static_assert(!std::is_copy_constructible_v<SecretBuffer>);
static_assert(!std::is_copy_assignable_v<SecretBuffer>);
static_assert(std::is_nothrow_move_constructible_v<SecretBuffer>);

TEST_CASE("a new buffer is zero-filled") {
  const SecretBuffer buffer(100);
  CHECK(buffer.size() == 100);
  CHECK(std::ranges::all_of(buffer.expose(), [](std::uint8_t byte) { return byte == 0; }));
}

TEST_CASE("an empty buffer owns nothing") {
  const SecretBuffer none;
  CHECK(none.empty());
  CHECK(SecretBuffer(0).expose().data() == nullptr);
  CHECK(SecretBuffer::copy_of("").empty());
  CHECK(none.expose_text().empty());
}

TEST_CASE("a copy of bytes holds them") {
  CHECK(SecretBuffer::copy_of("secret").expose_text() == "secret");
}

TEST_CASE("a moved buffer leaves nothing behind") {
  auto first = SecretBuffer::copy_of("secret");
  const auto* address = first.expose().data();
  const SecretBuffer second(std::move(first));
  CHECK(first.empty());  // NOLINT(bugprone-use-after-move): this is what is tested
  CHECK(second.expose().data() == address);
}

TEST_CASE("assignment replaces the content, also to itself") {
  auto buffer = SecretBuffer::copy_of("old");
  buffer = SecretBuffer::copy_of("new one");
  CHECK(buffer.expose_text() == "new one");
  auto& same = buffer;
  buffer = std::move(same);
  CHECK(buffer.expose_text() == "new one");
}

TEST_CASE("truncate keeps the front, in place, and wipes the rest") {
  auto buffer = SecretBuffer::copy_of("secret");
  const auto* address = buffer.expose().data();
  buffer.truncate(3);
  CHECK(buffer.expose_text() == "sec");
  CHECK(buffer.expose().data() == address);
  CHECK(std::all_of(address + 3, address + 6, [](std::uint8_t byte) { return byte == 0; }));
  buffer.truncate(0);
  CHECK(buffer.empty());
}

TEST_CASE("a wiped buffer is empty, and may be wiped again") {
  auto buffer = SecretBuffer::copy_of("secret");
  buffer.wipe();
  CHECK(buffer.empty());
  buffer.wipe();
}

TEST_CASE("buffers have the same content when sizes and bytes agree") {
  const auto buffer = SecretBuffer::copy_of("secret");
  CHECK(buffer.same_content(SecretBuffer::copy_of("secret")));
  CHECK_FALSE(buffer.same_content(SecretBuffer::copy_of("secreT")));
  CHECK_FALSE(buffer.same_content(SecretBuffer::copy_of("secre")));
  CHECK_FALSE(buffer.same_content(SecretBuffer()));
  CHECK(SecretBuffer().same_content(SecretBuffer()));
}

TEST_CASE("wipe_memory leaves zeros") {
  char text[] = "secret";
  wipe_memory(text, sizeof text);
  CHECK(std::ranges::all_of(text, [](char c) { return c == 0; }));
}

TEST_CASE("a read past the end of a buffer kills the process") {
  const auto buffer = SecretBuffer::copy_of("secret");
  const volatile std::uint8_t* end = buffer.expose().data() + buffer.size();
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    (void)::signal(SIGSEGV, SIG_DFL);  // Catch2's handler would report a failed test
    ::_exit(*end == 0 ? 0 : 1);        // the guard page is right behind the last byte
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGSEGV);
}

TEST_CASE("parts of a slab hold what they are given, and outlive the slab") {
  SecretBuffer first;
  SecretBuffer second;
  {
    SecretSlab slab(8);
    first = slab.take(3);
    second = slab.take(5);
    CHECK(slab.take(0).empty());
  }
  std::ranges::fill(first.expose(), std::uint8_t{1});
  std::ranges::fill(second.expose(), std::uint8_t{2});
  CHECK(std::ranges::all_of(first.expose(), [](std::uint8_t byte) { return byte == 1; }));
  CHECK(first.size() == 3);
  CHECK(second.size() == 5);
}

TEST_CASE("what a slab has no room for gets an allocation of its own") {
  SecretSlab slab(8);
  const SecretBuffer part = take_or_allocate(&slab, 5);
  const SecretBuffer other = take_or_allocate(&slab, 4);
  CHECK(slab.room() == 3);
  CHECK(part.size() == 5);
  CHECK(other.size() == 4);
  CHECK(take_or_allocate(nullptr, 4).size() == 4);
}

TEST_CASE("a part is wiped when it is done with, while others of its slab live") {
  SecretSlab slab(8);
  SecretBuffer part = slab.take(4);
  const std::uint8_t* const place = part.expose().data();
  const SecretBuffer neighbour = slab.take(4);
  std::ranges::fill(part.expose(), std::uint8_t{7});
  SecretBuffer moved = std::move(part);
  moved.wipe();
  CHECK(moved.empty());
  CHECK(std::all_of(place, place + 4, [](std::uint8_t byte) { return byte == 0; }));
}
