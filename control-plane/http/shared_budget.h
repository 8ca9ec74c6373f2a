#pragma once
// A quantity that accounts share, such as bytes of request bodies or connections. One account may
// hold at most a fixed part (`most`) of what the other accounts leave. So whoever comes first
// cannot take everything: with `most` = 1/2, one busy account gets 1/2 of the total, two get 1/3
// each, and the same again always stays free for the next one. An account that is alone does not
// get all of the total either: that is the price.
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
    account_full,  // this account has to give something back first: 429
    all_full,      // the others hold too much: 503
  };

  // What one account has taken; gives it back when it goes.
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

  // At least `floor` is everyone's while the total lasts, whatever `most` says.
  SharedBudget(std::uint64_t total, Part most, std::uint64_t floor = 0)
      : total_(total), most_(most), floor_(floor) {}
  SharedBudget(const SharedBudget&) = delete;
  SharedBudget& operator=(const SharedBudget&) = delete;
  ~SharedBudget() = default;

  // `hold` gets the amount when the verdict is `taken`, and gives back what it had before.
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
  std::map<std::string, std::uint64_t> accounts_;  // those that hold something
};

}  // namespace agent_secrets::control_plane
