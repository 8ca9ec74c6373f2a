#pragma once
// The last bundle that this credential received, for a start while the control plane cannot be
// reached, and the memory against roll-back: whoever answers, a sequence lower than the one seen
// here is refused.
//
// A file holds the compact JWS as received: ciphertext, signed by the region, sealed to the
// credential. It is useless without the credential, and checked like an answer from the network.
// What an attacker with access to the directory could still do is delete it or put an older one in
// its place, so the file and its directory must be ours and writable by nobody else: anything else
// is refused, never repaired. One file for each credential: DIR/KID.bundle.
//
// Several injectors may share a directory: writers hold flock(2) on it, a reader needs no lock
// because a file is only ever replaced whole. Replaced by a higher sequence, or by the same one
// issued at another time, so that its age counts from the last contact
// (docs/decisions/0003-cache-freshness.md).
//
// Ownership: holds the directory's descriptor. Threads: one.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "core/bundle.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/unique_fd.h"
#include "injector/fetch_bundle.h"

namespace agent_secrets {

class BundleCache {
 public:
  // Makes the directory (0700) where it is missing. ErrorCode::untrusted when it is not ours alone.
  static Result<BundleCache> open(const std::string& directory, const CredentialIdentity& identity);
  // The same for who only looks: a missing directory is ErrorCode::not_found.
  static Result<BundleCache> open_existing(const std::string& directory,
                                           const CredentialIdentity& identity);

  // The bundle in the cache, verified; nothing when there is none. ErrorCode::untrusted for a file
  // that is not ours, not a plain file, or not a valid bundle for this credential.
  [[nodiscard]] Result<std::optional<FetchedBundle>> load();

  // Keeps a bundle that was just fetched.
  // ErrorCode::untrusted when its sequence is lower than the cached one, unless it reaches
  // `accepted_sequence`, which the operator gave. Any other error means that it could not be
  // written: the bundle is good nevertheless. Waits for other writers `lock_patience` at most.
  [[nodiscard]] Result<void> keep(const FetchedBundle& fetched,
                                  std::optional<std::int64_t> accepted_sequence,
                                  std::chrono::milliseconds lock_patience, Clock& clock);

  [[nodiscard]] std::string path() const;

 private:
  BundleCache(std::string directory, UniqueFd fd, CredentialIdentity identity);
  static Result<BundleCache> adopt(const std::string& directory, UniqueFd fd,
                                   const CredentialIdentity& identity);
  // What the file holds; nothing when there is none.
  [[nodiscard]] Result<std::optional<std::string>> read() const;
  [[nodiscard]] Result<std::optional<BundleFacts>> facts_now();
  [[nodiscard]] Result<void> replace(const std::string& compact) const;

  std::string directory_;
  UniqueFd fd_;
  CredentialIdentity identity_;
  std::string file_name_;
  std::optional<FetchedBundle> loaded_;  // as load() found it
};

// ErrorCode::untrusted when what was fetched is older than what was seen, unless it reaches
// `accepted_sequence`.
Result<void> check_sequence(const BundleFacts& fetched, const BundleFacts& seen,
                            std::optional<std::int64_t> accepted_sequence);

// How old a cached bundle is. ErrorCode::untrusted when it was issued in the future (by more than
// limits::kClockSkew), timed_out when it is older than `max_age`.
Result<std::chrono::seconds> age_of(const BundleFacts& facts, std::chrono::seconds now,
                                    std::chrono::seconds max_age);

}  // namespace agent_secrets
