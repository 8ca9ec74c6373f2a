#pragma once
// Base URLs under which agents reach this control plane. They are the `aud` of every request proof,
// so `serve` and `credential issue` must agree on them to the letter: one spelling, without a
// trailing slash, kept in the catalog's settings.
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

}  // namespace agent_secrets::control_plane
