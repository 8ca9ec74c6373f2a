#pragma once
// How agents reach this control plane, kept in the catalog's settings: the base URLs, and the
// certificates to trust there.
//
// The URLs are the `aud` of every request proof, so `serve` and `credential issue` must agree on
// them to the letter: one spelling, without a trailing slash.
//
// `init` and `public-url set` record URLs. `serve --public-url` is for one run, and records
// nothing: the run accepts its own URLs and the recorded URLs, so that a trial refuses no
// credential. If no URL is recorded, new credentials name the URLs of the last run.
//
// The URLs in a credential are remembered with its key id: `public-url set` can then say which
// credentials a change would break.

#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/catalog.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// http(s)://host[:port][/prefix], one spelling. ErrorCode::invalid otherwise.
Result<std::vector<std::string>> normalise_urls(const std::vector<std::string>& urls);

// Replaces what is recorded.
Result<void> record_public_urls(Catalog& catalog, const Actor& actor,
                                const std::vector<std::string>& urls);
// May be empty.
Result<std::vector<std::string>> recorded_public_urls(Catalog& catalog);

// The URLs that this run accepts: first its own, then the recorded URLs. Its own are `options`, or
// `listening` if there are neither options nor recorded URLs. Remembers its own URLs, or
// `listening` if it has none: new credentials name these if no URL is recorded. `listening` is
// empty for a server that has Unix sockets alone: then no_public_url() if there are no other URLs.
Result<std::vector<std::string>> urls_of_run(Catalog& catalog,
                                             const std::vector<std::string>& options,
                                             const std::string& listening);

std::unexpected<Error> no_public_url();

// Logs a warning for each URL in `options` that is not recorded, if other URLs are: this run
// accepts it, but new credentials do not name it.
Result<void> warn_of_unrecorded_urls(Catalog& catalog, const std::vector<std::string>& options,
                                     const Log& log);

// For a new credential. Never empty.
Result<std::vector<std::string>> public_urls(Catalog& catalog);

Result<void> remember_credential_urls(Catalog& catalog, std::string_view kid,
                                      const std::vector<std::string>& urls);
// Empty for a credential of a release that did not remember them.
Result<std::vector<std::string>> credential_urls(Catalog& catalog, std::string_view kid);

// The certificates that go into every new credential, PEM. "" for none: agents then trust those of
// their system.
Result<void> record_ca(Catalog& catalog, const Actor& actor, std::string_view pem);
Result<std::string> recorded_ca(Catalog& catalog);
// ErrorCode::invalid for what is not a few certificates in PEM.
Result<std::string> read_ca_file(const std::string& path);

}  // namespace agent_secrets::control_plane
