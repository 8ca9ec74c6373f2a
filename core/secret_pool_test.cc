#include "core/secret_pool.h"

#include <algorithm>
#include <csignal>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "core/secret_buffer.h"
#include "tests/catch.h"

using namespace agent_secrets;

namespace {

constexpr std::size_t kRoom = 1024uz * 1024;

bool is_zero(const std::uint8_t* bytes, std::size_t size) {
  return std::all_of(bytes, bytes + size, [](std::uint8_t byte) { return byte == 0; });
}

// The signal that ends a child process which runs `work`; 0 if it exits.
template <typename Work>
int signal_of_child(const Work& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    (void)::signal(SIGSEGV, SIG_DFL);  // Catch2's handlers would report a failed test
    (void)::signal(SIGABRT, SIG_DFL);
    work();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace

TEST_CASE("returned memory is used again, wiped") {
  SecretPool pool(kRoom);
  auto first = pool.take(32);
  std::uint8_t* const place = first.get();
  std::fill_n(place, 32, std::uint8_t{7});
  first.reset();
  CHECK(is_zero(place, 32));
  CHECK(pool.kept() > 0);
  CHECK(pool.take(32).get() == place);
}

TEST_CASE("a smaller secret in a used block finds zeros, and ends where the block ends") {
  SecretPool pool(kRoom);
  auto large = pool.take(1000);
  std::uint8_t* const end = large.get() + 1000;
  std::fill_n(large.get(), 1000, std::uint8_t{7});
  large.reset();
  const auto small = pool.take(10);
  CHECK(small.get() + 10 == end);
  CHECK(is_zero(small.get(), 10));
}

TEST_CASE("memory in use is given to one owner only") {
  SecretPool pool(kRoom);
  const auto first = pool.take(32);
  const auto second = pool.take(32);
  CHECK(first.get() != second.get());
}

TEST_CASE("the pool keeps no more than its bound") {
  SecretPool pool(20'000);
  std::vector<std::shared_ptr<std::uint8_t>> taken;
  for (int i = 0; i < 10; ++i) taken.push_back(pool.take(100));
  taken.clear();
  CHECK(pool.kept() > 0);
  CHECK(pool.kept() <= 20'000);
}

TEST_CASE("blocks of every size can be used to their last byte") {
  SecretPool pool(8 * kRoom);
  for (const std::size_t size : {1uz, 4064uz, 4065uz, 8160uz, 8161uz, 100'000uz, 1'048'544uz}) {
    auto memory = pool.take(size);
    std::fill_n(memory.get(), size, std::uint8_t{7});
    std::uint8_t* const place = memory.get();
    memory.reset();
    CHECK(pool.take(size).get() == place);
  }
}

TEST_CASE("memory larger than the largest block is not kept") {
  SecretPool pool(64 * kRoom);
  const std::size_t size = SecretPool::kPagesMax * 4096;
  auto memory = pool.take(size);
  CHECK(is_zero(memory.get(), size));
  memory.reset();
  CHECK(pool.kept() == 0);
}

TEST_CASE("a read past the end of pooled memory kills the process") {
  SecretPool pool(kRoom);
  pool.take(100).reset();
  const auto memory = pool.take(6);
  const volatile std::uint8_t* end = memory.get() + 6;
  CHECK(signal_of_child([&] { ::_exit(*end); }) == SIGSEGV);
}

TEST_CASE("a write before the beginning of pooled memory aborts the process at the return") {
  SecretPool pool(kRoom);
  auto memory = pool.take(6);
  CHECK(signal_of_child([&] {
          (void)::close(STDERR_FILENO);
          memory.get()[-1] ^= 1;
          memory.reset();
        }) == SIGABRT);
}

TEST_CASE("threads share a pool") {
  SecretPool pool(kRoom);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&pool] {
      for (std::size_t size = 1; size < 2000; ++size) *pool.take(size) = 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  auto memory = pool.take(1);
  CHECK(*memory == 0);
}

// The other tests of this process then use the pool too.
TEST_CASE("with a pool of the process, buffers and slabs use memory again") {
  SecretPool::use_for_process();
  const std::uint8_t* place = nullptr;
  {
    auto buffer = SecretBuffer::copy_of("secret");
    place = buffer.expose().data();
    buffer.truncate(3);
  }
  CHECK(is_zero(place, 6));
  SecretSlab slab(6);
  const SecretBuffer part = slab.take(6);
  CHECK(part.expose().data() == place);
}
