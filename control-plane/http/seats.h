#pragma once
// Who may have a connection when there are more clients than connections. A connection is a
// stranger until a token or proof of it was accepted; then it counts for that account.
//
// - One account may hold at most four fifths of what the other accounts leave (SharedBudget), so
//   that a part is always left for strangers, who may be anybody's next request.
// - When every seat is taken and a client comes, a stranger goes: of the address that has most of
//   them, the one that has waited longest. So a flood from one address pushes out itself. There is
//   no limit of an address as such: behind a proxy or NAT all clients share one. While even that
//   one is younger than kStrangerGrace none goes, and clients wait in the kernel's queue, so that a
//   burst of honest clients is served one after the other.
// - Without any stranger, the account's connection that has been idle longest goes.
// A connection whose request is being answered never goes.
//
// Threads: the server's I/O thread only.

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <string>

#include "control-plane/http/shared_budget.h"

namespace agent_secrets::control_plane {

class Seats {
 public:
  class Seat;
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kStrangerGrace{100};

  explicit Seats(std::size_t total);
  Seats(const Seats&) = delete;
  Seats& operator=(const Seats&) = delete;
  ~Seats() = default;

  [[nodiscard]] bool full() const { return taken_ >= total_; }
  // Closes a connection that may go. False: there is none, or none yet.
  bool make_room(Time now);

 private:
  using Waiting = std::list<Seat*>;  // the one that waits longest first

  std::size_t total_;
  std::size_t taken_ = 0;
  SharedBudget accounts_;
  std::map<std::string, Waiting> strangers_;  // by address
  Waiting idle_;                              // of accounts
};

// One connection's. A stranger that may go at first.
class Seats::Seat {
 public:
  // `vacate` closes the connection; called at most once, and never after the Seat's end.
  Seat(Seats& seats, std::string address, Time now, std::function<void()> vacate);
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat();

  [[nodiscard]] bool is_strangers() const { return account_.empty(); }
  [[nodiscard]] const std::string& account() const { return account_; }
  [[nodiscard]] const std::string& address() const { return address_; }
  // "": a stranger's. False: the account has its share of connections, and this one stays a
  // stranger's. Not while it may go.
  bool belong_to(const std::string& account);
  void may_go();
  void stays();

 private:
  friend Seats;
  Waiting& waiting_place();
  void vacate();

  Seats& seats_;
  std::string address_;
  Time since_;
  std::string account_;
  SharedBudget::Hold hold_;
  std::function<void()> vacate_;
  Waiting::iterator place_;
  bool may_go_ = false;
  bool vacated_ = false;
};

}  // namespace agent_secrets::control_plane
