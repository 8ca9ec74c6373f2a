#pragma once
// Keys that may be rotated while servers use them. A ring gives the keys as they are now, and loads
// them again when another process has rotated them: the process follows the catalog's list of keys
// (served_regions.h), and it loads them at once when it meets a value under a key that it does not
// know.
//
// Whoever uses keys takes them from the ring for each piece of work, and keeps no copy.
//
// Threads: safe from several.

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "core/error.h"

namespace agent_secrets::control_plane {

template <typename Keys>
class KeyRing {
 public:
  using Load = std::function<Result<Keys>()>;

  // Without `load`, the keys stay as they are.
  explicit KeyRing(Keys keys, Load load = {})
      : load_(std::move(load)), keys_(std::make_shared<const Keys>(std::move(keys))) {}

  // Valid as long as the caller keeps it, also after a rotation.
  [[nodiscard]] std::shared_ptr<const Keys> now() const {
    const std::scoped_lock lock(mutex_);
    return keys_;
  }

  // Loads the keys again. If that fails, the keys stay.
  Result<void> refresh() {
    const std::scoped_lock loading(loading_);
    return load();
  }
  // Loads the keys again unless they are newer than `seen`: one of several threads that miss a key
  // loads it for all. Returns the keys that there are then.
  std::shared_ptr<const Keys> newer_than(const std::shared_ptr<const Keys>& seen) {
    const std::scoped_lock loading(loading_);
    if (now() == seen) (void)load();
    return now();
  }

 private:
  Result<void> load() {
    if (!load_) return {};
    auto keys = load_();
    if (!keys) return propagate(keys);
    auto loaded = std::make_shared<const Keys>(std::move(*keys));
    const std::scoped_lock lock(mutex_);
    keys_ = std::move(loaded);
    return {};
  }

  const Load load_;
  std::mutex loading_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Keys> keys_;
};

}  // namespace agent_secrets::control_plane
