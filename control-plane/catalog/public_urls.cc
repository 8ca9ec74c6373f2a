#include "control-plane/catalog/public_urls.h"

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

// Settings; several URLs are one a line.
constexpr std::string_view kRecorded = "public_urls";
constexpr std::string_view kLastRun = "listen_url";
constexpr std::string_view kCa = "ca_pem";
constexpr std::string_view kDefault = "http://127.0.0.1:7710";
constexpr std::size_t kUrlMax = 512;

// No query, no fragment, and nothing that a shell's quotes could not hold.
bool is_url_character(char c) {
  return c > ' ' && c < 0x7f && std::string_view("?#\"'\\").find(c) == std::string_view::npos;
}

Result<std::string> normalise(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  const std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  if (scheme == 0 || url.size() <= scheme || url.size() > kUrlMax ||
      !std::ranges::all_of(url, is_url_character)) {
    return fail(ErrorCode::invalid, "public URL '" + url + "' is not a base URL",
                "give scheme, host and port, such as https://secrets.example.com:7710");
  }
  return url;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string lines_of(const std::vector<std::string>& urls) {
  std::string lines;
  for (const std::string& url : urls) lines += url + "\n";
  return lines;
}

Result<std::vector<std::string>> find_urls(Catalog& catalog, std::string_view setting) {
  auto lines = catalog.settings.find(setting);
  if (!lines) return propagate(lines, "read the public URLs");
  return split_lines(lines->value_or(""));
}

// Key ids are unique in the whole catalog.
std::string credential_setting(std::string_view kid) {
  return "credential_urls " + std::string(kid);
}

}  // namespace

Result<std::vector<std::string>> normalise_urls(const std::vector<std::string>& urls) {
  if (urls.size() > limits::kCredentialUrls) {
    return fail(ErrorCode::invalid,
                "more than " + std::to_string(limits::kCredentialUrls) + " public URLs");
  }
  std::vector<std::string> normalised;
  for (const std::string& url : urls) {
    auto one = normalise(url);
    if (!one) return propagate(one);
    normalised.push_back(std::move(*one));
  }
  return normalised;
}

Result<void> record_public_urls(Catalog& catalog, const Actor& actor,
                                const std::vector<std::string>& urls) {
  return catalog.settings.change(actor, "public-url.set", kRecorded, lines_of(urls));
}

Result<std::vector<std::string>> recorded_public_urls(Catalog& catalog) {
  return find_urls(catalog, kRecorded);
}

Result<std::vector<std::string>> urls_of_run(Catalog& catalog,
                                             const std::vector<std::string>& options,
                                             const std::string& listening) {
  auto urls = normalise_urls(options);
  if (!urls) return urls;
  auto recorded = recorded_public_urls(catalog);
  if (!recorded) return recorded;
  if (urls->empty() && recorded->empty()) {
    if (listening.empty()) return no_public_url();
    urls->push_back(listening);
  }
  auto last_run = urls->empty() ? std::vector<std::string>{listening} : *urls;
  if (last_run.front().empty()) last_run = *recorded;
  if (auto kept = catalog.settings.put(kLastRun, lines_of(last_run)); !kept) return propagate(kept);
  for (std::string& url : *recorded) {
    if (std::ranges::find(*urls, url) == urls->end()) urls->push_back(std::move(url));
  }
  return urls;
}

std::unexpected<Error> no_public_url() {
  return fail(ErrorCode::invalid, "a Unix socket has no URL that agents could use",
              "record the URL of the proxy in front with public-url set, or give --public-url");
}

Result<void> warn_of_unrecorded_urls(Catalog& catalog, const std::vector<std::string>& options,
                                     const Log& log) {
  auto recorded = recorded_public_urls(catalog);
  auto wanted = normalise_urls(options);
  if (!recorded) return propagate(recorded);
  if (!wanted) return propagate(wanted);
  if (recorded->empty()) return {};
  for (const std::string& url : *wanted) {
    if (std::ranges::find(*recorded, url) != recorded->end()) continue;
    log.warning("--public-url is of this run only: new credentials name what is recorded",
                {{"url", url},
                 {"recorded", recorded->front()},
                 {"hint", "secret-control-plane public-url set records another"}});
  }
  return {};
}

Result<std::vector<std::string>> public_urls(Catalog& catalog) {
  auto urls = recorded_public_urls(catalog);
  if (!urls || !urls->empty()) return urls;
  urls = find_urls(catalog, kLastRun);
  if (urls && urls->empty()) urls->emplace_back(kDefault);
  return urls;
}

Result<void> remember_credential_urls(Catalog& catalog, std::string_view kid,
                                      const std::vector<std::string>& urls) {
  return catalog.settings.put(credential_setting(kid), lines_of(urls));
}

Result<std::vector<std::string>> credential_urls(Catalog& catalog, std::string_view kid) {
  return find_urls(catalog, credential_setting(kid));
}

Result<void> record_ca(Catalog& catalog, const Actor& actor, std::string_view pem) {
  return catalog.settings.change(actor, "credential.ca", kCa, pem);
}

Result<std::string> recorded_ca(Catalog& catalog) {
  auto recorded = catalog.settings.find(kCa);
  if (!recorded) return propagate(recorded, "read the recorded certificates");
  return recorded->value_or(std::string());
}

Result<std::string> read_ca_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(limits::kCredential, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return fail(ErrorCode::failed, "read " + path + ": " + errno_message(errno));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() == limits::kCredential || text.find("-----BEGIN CERTIFICATE") == text.npos) {
    return fail(ErrorCode::invalid, path + ": not a few certificates in PEM",
                "give the certificate of the authority that signed the server's");
  }
  return text;
}

}  // namespace agent_secrets::control_plane
