#pragma once
// How agents reach this control plane, kept in the catalog's settings: the base URLs, and the
// certificates to trust there.
//
// The URLs are the `aud` of every request proof, so `serve` and `credential issue` must agree on
// them to the letter: one spelling, without a trailing slash.

#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/catalog.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// http(s)://host[:port][/prefix], one spelling. ErrorCode::invalid otherwise.
Result<std::vector<std::string>> normalise_urls(const std::vector<std::string>& urls);

// What an operator chose, at init or serve; it replaces an earlier choice.
Result<void> remember_public_urls(Catalog& catalog, const std::vector<std::string>& urls);
// What `serve` listens on: holds where no operator chose.
Result<void> remember_listen_url(Catalog& catalog, std::string_view url);
// Never empty.
Result<std::vector<std::string>> public_urls(Catalog& catalog);

// The certificates that go into every new credential, PEM. "" for none: agents then trust those of
// their system.
Result<void> remember_ca(Catalog& catalog, std::string_view pem);
Result<std::string> recorded_ca(Catalog& catalog);
// ErrorCode::invalid for what is not a few certificates in PEM.
Result<std::string> read_ca_file(const std::string& path);

}  // namespace agent_secrets::control_plane
