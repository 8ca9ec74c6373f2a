#pragma once
// Base URLs under which agents reach this control plane. They are the `aud` of every request proof,
// so `serve` and `credential issue` must agree on them to the letter: one spelling, without a
// trailing slash, kept in the catalog's settings.

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

}  // namespace agent_secrets::control_plane
