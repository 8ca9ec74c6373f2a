#pragma once
// How agents reach this control plane, kept in the catalog's settings: the base URLs, and the
// certificates to trust there.
//
// The URLs are the `aud` of every request proof, so `serve` and `credential issue` must agree on
// them to the letter: one spelling, without a trailing slash.
//
// Recorded are those of `init` and `public-url set`. `serve --public-url` is of that run: the run
// accepts its own URLs and the recorded ones, so that a trial refuses no credential, and it changes
// nothing that is recorded. Where none are recorded, credentials name what the last run went by.
//
// What a credential names is remembered with its key id: `public-url set` can then say which
// credentials a change would break.

#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/catalog.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// http(s)://host[:port][/prefix], one spelling. ErrorCode::invalid otherwise.
Result<std::vector<std::string>> normalise_urls(const std::vector<std::string>& urls);

// Replaces what is recorded.
Result<void> record_public_urls(Catalog& catalog, const std::vector<std::string>& urls);
// May be empty.
Result<std::vector<std::string>> recorded_public_urls(Catalog& catalog);

// The URLs that this run accepts: its own ones first, which are `options` or else, where none are
// recorded, `listening`. Remembers them for credentials, in case that none are recorded.
Result<std::vector<std::string>> urls_of_run(Catalog& catalog,
                                             const std::vector<std::string>& options,
                                             const std::string& listening);

// For a new credential. Never empty.
Result<std::vector<std::string>> public_urls(Catalog& catalog);

Result<void> remember_credential_urls(Catalog& catalog, std::string_view kid,
                                      const std::vector<std::string>& urls);
// Empty for a credential of a release that did not remember them.
Result<std::vector<std::string>> credential_urls(Catalog& catalog, std::string_view kid);

// The certificates that go into every new credential, PEM. "" for none: agents then trust those of
// their system.
Result<void> remember_ca(Catalog& catalog, std::string_view pem);
Result<std::string> recorded_ca(Catalog& catalog);
// ErrorCode::invalid for what is not a few certificates in PEM.
Result<std::string> read_ca_file(const std::string& path);

}  // namespace agent_secrets::control_plane
