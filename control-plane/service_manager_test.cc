#include "control-plane/service_manager.h"

#include <cstdlib>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

// The service manager's end.
class Manager {
 public:
  Manager() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  [[nodiscard]] std::string path() const { return directory_.path("notify"); }
  [[nodiscard]] std::string heard() const {
    char bytes[512];
    const ssize_t size = ::recv(fd_.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
    return size < 0 ? "" : std::string(bytes, static_cast<std::size_t>(size));
  }

 private:
  TemporaryDirectory directory_;
  UniqueFd fd_;
};

TEST_CASE("the service manager hears each change, and a child process cannot speak to it") {
  const Manager manager;
  ::setenv("NOTIFY_SOCKET", manager.path().c_str(), 1);
  const auto us = ServiceManager::from_environment();
  REQUIRE(us);
  CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);
  us->ready("Serving at https://a\nREADY=0");
  CHECK(manager.heard() == "READY=1\nSTATUS=Serving at https://a\\x0aREADY=0");
  us->reloading();
  const std::string reloading = manager.heard();
  CHECK(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(std::stoll(reloading.substr(reloading.rfind('=') + 1)) > 0);
  us->stopping();
  CHECK(manager.heard().starts_with("STOPPING=1\n"));
  us->alive();
  CHECK(manager.heard() == "WATCHDOG=1");
}

TEST_CASE("the watchdog is called twice as often as asked, by the process that it watches") {
  const Manager manager;
  const auto watchdog = [&](const std::string& process) {
    ::setenv("NOTIFY_SOCKET", manager.path().c_str(), 1);
    ::setenv("WATCHDOG_USEC", "20000000", 1);
    ::setenv("WATCHDOG_PID", process.c_str(), 1);
    return ServiceManager::from_environment()->watchdog();
  };
  CHECK(watchdog(std::to_string(::getpid())) == std::chrono::seconds(10));
  CHECK_FALSE(watchdog("1").has_value());
}

TEST_CASE("without a service manager nothing is sent, and a wrong address is an error") {
  const auto alone = ServiceManager::from_environment();
  REQUIRE(alone);
  alone->ready("x");
  ::setenv("NOTIFY_SOCKET", "relative", 1);
  CHECK_FALSE(ServiceManager::from_environment());
  ::setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
  CHECK_FALSE(ServiceManager::from_environment());
}

}  // namespace
}  // namespace agent_secrets::control_plane
