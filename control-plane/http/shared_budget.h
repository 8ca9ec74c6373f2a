#pragma once
// A quantity that accounts share, such as bytes of request bodies or connections. One account may
// hold at most a fixed part (`most`) of what the other accounts leave. So the first account cannot
// take everything: with `most` = 1/2, one busy account gets 1/2 of the total, two get 1/3 each, and
// the same amount stays free for the next account. The price: a single account cannot use the whole
// total.
//
// Threads: the server's I/O thread only. A Hold must not outlive its budget.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace agent_secrets::control_plane {

class SharedBudget {
 public:
  // The most that one account may hold of what the others leave: numerator / denominator.
  struct Part {
    std::uint64_t numerator;
    std::uint64_t denominator;
  };
  enum class Verdict {
    taken,
    account_full,  // this account must release some of its holds first: 429
    all_full,      // the others hold too much: 503
  };

  // The amount that one account has taken; given back at the end of the object.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)),
          account_(std::move(other.account_)),
          amount_(other.amount_) {}
    Hold& operator=(Hold&& other) noexcept;
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { give_back(); }
    void give_back();

   private:
    friend SharedBudget;
    SharedBudget* budget_ = nullptr;
    std::string account_;
    std::uint64_t amount_ = 0;
  };

  // Each account may hold `floor` while the total lasts, even if `most` gives less.
  SharedBudget(std::uint64_t total, Part most, std::uint64_t floor = 0)
      : total_(total), most_(most), floor_(floor) {}
  SharedBudget(const SharedBudget&) = delete;
  SharedBudget& operator=(const SharedBudget&) = delete;
  ~SharedBudget() = default;

  // If the verdict is `taken`, `hold` gets the new amount and gives back its old amount.
  Verdict take(const std::string& account, std::uint64_t amount, Hold& hold);
  // How much more the account could take now.
  [[nodiscard]] std::uint64_t left_for(const std::string& account) const;
  [[nodiscard]] std::uint64_t taken() const { return taken_; }

 private:
  [[nodiscard]] std::uint64_t held_by(const std::string& account) const;
  [[nodiscard]] std::uint64_t share_of(const std::string& account) const;

  std::uint64_t total_;
  Part most_;
  std::uint64_t floor_;
  std::uint64_t taken_ = 0;
  std::map<std::string, std::uint64_t> accounts_;  // accounts with a hold
};

}  // namespace agent_secrets::control_plane
