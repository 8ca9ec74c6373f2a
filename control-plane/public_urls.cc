#include "control-plane/public_urls.h"

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kChosen = "public_urls";  // one a line
constexpr std::string_view kListen = "listen_url";
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

Result<void> remember_public_urls(Catalog& catalog, const std::vector<std::string>& urls) {
  std::string lines;
  for (const std::string& url : urls) lines += url + "\n";
  return catalog.put_setting(kChosen, lines);
}

Result<void> remember_listen_url(Catalog& catalog, std::string_view url) {
  return catalog.put_setting(kListen, url);
}

Result<std::vector<std::string>> public_urls(Catalog& catalog) {
  auto chosen = catalog.find_setting(kChosen);
  if (!chosen) return propagate(chosen, "read the public URLs");
  if (*chosen && !(*chosen)->empty()) return split_lines(**chosen);
  auto listening = catalog.find_setting(kListen);
  if (!listening) return propagate(listening, "read the public URLs");
  return std::vector<std::string>{listening->value_or(std::string(kDefault))};
}

Result<void> remember_ca(Catalog& catalog, std::string_view pem) {
  return catalog.put_setting(kCa, pem);
}

Result<std::string> recorded_ca(Catalog& catalog) {
  auto recorded = catalog.find_setting(kCa);
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
