#pragma once
// The last bundle that this credential received, for a start while the control plane cannot be
// reached. Also the check against roll-back: from any source, a sequence lower than the highest
// that this agent has seen with this directory is refused (injector/sequence_memory.h).
//
// A file holds the compact JWS as received: ciphertext, signed by the region, sealed to the
// credential. The announcements of signing keys follow in a second line (core/bundle.h), so that
// the bundle can be verified without the control plane. It is useless without the credential, and
// checked like an answer from the network. An attacker with access to the directory could delete
// it, or replace it by an older file. Therefore injector/cache_directory.h refuses a directory or
// file that others may write to. Each credential has one file: DIR/KID.bundle.
//
// The file is replaced by a bundle with a higher sequence, or by one with the same sequence and
// another time of issue, so that its age counts from the last contact
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
#include "injector/cache_directory.h"
#include "injector/fetch_bundle.h"
#include "injector/sequence_memory.h"

namespace agent_secrets {

class BundleCache {
 public:
  // Makes the directory (0700) where it is missing. ErrorCode::untrusted when others may write to
  // it.
  static Result<BundleCache> open(const std::string& directory, const CredentialIdentity& identity);
  // Makes no directory: a missing directory is ErrorCode::not_found.
  static Result<BundleCache> open_existing(const std::string& directory,
                                           const CredentialIdentity& identity);

  // The verified bundle in the cache; absent if there is none. ErrorCode::untrusted for a file of
  // another user, for one that is not a plain file, and for an invalid bundle.
  [[nodiscard]] Result<std::optional<FetchedBundle>> load();

  // The highest sequence that this agent has seen; absent in a new directory. Any error means that
  // the directory's files cannot be trusted.
  [[nodiscard]] Result<std::optional<std::int64_t>> highest_seen();

  // Keeps a bundle that was just fetched.
  // ErrorCode::untrusted if its sequence is lower than the highest sequence seen, unless it is at
  // least `accepted_sequence`, which the operator gave. Any other error means that the cache cannot
  // be used or written; the bundle is valid nevertheless. Waits at most `lock_patience` for other
  // writers.
  [[nodiscard]] Result<void> keep(const FetchedBundle& fetched,
                                  std::optional<std::int64_t> accepted_sequence,
                                  std::chrono::milliseconds lock_patience, Clock& clock);

  [[nodiscard]] std::string path() const { return directory_.path_of(file_name_); }

 private:
  struct Seen {
    std::optional<std::int64_t> highest;
    std::optional<std::int64_t> remembered;  // the content of the memory's file
    std::optional<BundleFacts> cached;       // of this credential
  };

  BundleCache(CacheDirectory directory, CredentialIdentity identity);
  [[nodiscard]] Result<std::optional<BundleFacts>> facts_now();
  [[nodiscard]] Result<Seen> seen_now();
  [[nodiscard]] Result<void> write(const FetchedBundle& fetched, const Seen& seen) const;

  CacheDirectory directory_;
  CredentialIdentity identity_;
  SequenceMemory memory_;
  std::string file_name_;
  std::optional<FetchedBundle> loaded_;  // as load() read it
};

// ErrorCode::untrusted if the fetched sequence is lower than the highest sequence seen, unless it
// is at least `accepted_sequence`.
Result<void> check_sequence(std::int64_t fetched, std::int64_t seen,
                            std::optional<std::int64_t> accepted_sequence);

// How old a cached bundle is. ErrorCode::untrusted when it was issued in the future (by more than
// limits::kClockSkew), timed_out when it is older than `max_age`.
Result<std::chrono::seconds> age_of(const BundleFacts& facts, std::chrono::seconds now,
                                    std::chrono::seconds max_age);

}  // namespace agent_secrets
