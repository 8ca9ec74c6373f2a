#pragma once
// Decides which connection is closed when there are more clients than connections. A connection is
// a stranger until its token or proof is accepted; from then on it counts for that account.
//
// - One account may hold at most four fifths of what the other accounts leave (SharedBudget), so
//   that a part is always left for strangers: every new connection begins as a stranger.
// - When every seat is taken and a client arrives, a stranger is closed: the stranger that has
//   waited longest, of the address with the most strangers. So a flood from one address closes its
//   own connections. There is no limit for an address alone, because all clients behind a proxy or
//   NAT share one address. While that stranger is younger than kStrangerGrace, no connection is
//   closed and new clients wait in the kernel's queue, so that a burst of honest clients is served
//   one after the other.
// - Without any stranger, the account's connection that has been idle longest is closed.
// A connection whose request is being answered is never closed.
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
  // Closes a connection that may be closed. False: there is no such connection, or not yet.
  bool make_room(Time now);

 private:
  using Waiting = std::list<Seat*>;  // the longest wait first

  std::size_t total_;
  std::size_t taken_ = 0;
  SharedBudget accounts_;
  std::map<std::string, Waiting> strangers_;  // by address
  Waiting idle_;                              // connections of accounts
};

// The seat of one connection. It begins as a stranger's seat that may be closed.
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
  // Assigns the seat to an account; "": to a stranger. False: the account has used up its share of
  // connections, and the seat stays a stranger's. Call it only after stays().
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
