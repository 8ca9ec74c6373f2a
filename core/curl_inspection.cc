#include "core/curl_inspection.h"

#include <array>
#include <ctime>
#include <memory>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include "core/error.h"

namespace agent_secrets {
namespace {

using std::chrono::microseconds;

template <typename Value>
void set_option(CURL* easy, CURLoption option, Value value) {
  AGENT_SECRETS_ASSERT(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

std::string name_text(const X509_NAME* name) {
  struct Free {
    void operator()(BIO* bio) const { BIO_free(bio); }
  };
  const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
  AGENT_SECRETS_ASSERT(bio != nullptr);
  if (X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::chrono::seconds unix_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::chrono::seconds(::timegm(&parts));
}

PeerCertificate facts_of(const X509* certificate) {
  return {.subject = name_text(X509_get_subject_name(certificate)),
          .issuer = name_text(X509_get_issuer_name(certificate)),
          .valid_from = unix_time(X509_get0_notBefore(certificate)),
          .valid_until = unix_time(X509_get0_notAfter(certificate))};
}

// The ex_data index of the TransferWatch in an SSL_CTX.
int context_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  AGENT_SECRETS_ASSERT(index >= 0);
  return index;
}

TransferWatch& watch_of(const SSL* ssl) {
  return *static_cast<TransferWatch*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_index()));
}

// Called for each certificate of the chain, and for each fault. After a refused chain the handshake
// does not finish, so the server's own certificate is recorded here.
int on_verdict(int verdict, X509_STORE_CTX* store) {
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  Inspection* const inspection = watch_of(ssl).inspection();
  if (inspection != nullptr && !inspection->certificate) {
    inspection->certificate = facts_of(X509_STORE_CTX_get0_cert(store));
  }
  return verdict;
}

void on_handshake(const SSL* ssl, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_START) != 0) watch_of(ssl).handshake_begins();
  Inspection* const inspection = watch_of(ssl).inspection();
  if ((where & SSL_CB_HANDSHAKE_DONE) == 0 || inspection == nullptr) return;
  inspection->tls_version = SSL_get_version(ssl);
  inspection->tls_cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl));
  const X509* const certificate = SSL_get0_peer_certificate(ssl);
  if (certificate != nullptr)
    inspection->certificate = facts_of(certificate);  // a resumed session has no verdict
}

CURLcode on_context(CURL*, void* context_pointer, void* watch) {
  auto* const context = static_cast<SSL_CTX*>(context_pointer);
  if (SSL_CTX_set_ex_data(context, context_index(), watch) != 1) return CURLE_OUT_OF_MEMORY;
  SSL_CTX_set_verify(context, SSL_CTX_get_verify_mode(context), on_verdict);
  SSL_CTX_set_info_callback(context, on_handshake);
  return CURLE_OK;
}

std::string address_text(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address.sa_family == AF_INET) {
    bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  } else if (address.sa_family == AF_INET6) {
    bytes = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  } else {
    return "?";
  }
  return ::inet_ntop(address.sa_family, bytes, text.data(), text.size());
}

// Opens a socket as libcurl does, but with close-on-exec from its creation.
curl_socket_t on_socket(void* inspection, curlsocktype, curl_sockaddr* address) {
  static_cast<Inspection*>(inspection)->addresses.push_back(address_text(address->addr));
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// Time since the start of the transfer; nothing if the step was not reached.
std::optional<microseconds> moment(CURL* easy, CURLINFO info) {
  curl_off_t us = 0;
  curl_easy_getinfo(easy, info, &us);
  if (us <= 0) return std::nullopt;
  return microseconds(us);
}

std::optional<microseconds> between(std::optional<microseconds> from,
                                    std::optional<microseconds> to) {
  if (!from || !to) return std::nullopt;
  return *to - *from;
}

// libcurl's own time mark for the request is taken after the request was sent, so this phase starts
// at the end of the phase before.
PhaseTimes read_times(CURL* easy, std::optional<microseconds> until_handshake) {
  const auto resolved = moment(easy, CURLINFO_NAMELOOKUP_TIME_T);
  auto connected = moment(easy, CURLINFO_CONNECT_TIME_T);
  if (!connected) connected = until_handshake;
  const auto encrypted = moment(easy, CURLINFO_APPCONNECT_TIME_T);
  const auto ready = moment(easy, CURLINFO_PRETRANSFER_TIME_T);
  const auto answered = moment(easy, CURLINFO_STARTTRANSFER_TIME_T);
  const auto done = moment(easy, CURLINFO_TOTAL_TIME_T);
  long connections = 0;
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connections);
  if (connections == 0 && ready) {  // the connection was reused
    return {.resolve = {},
            .connect = {},
            .tls = {},
            .answer = between(ready, answered),
            .body = between(answered, done)};
  }
  return {.resolve = resolved,
          .connect = between(resolved, connected),
          .tls = between(connected, encrypted),
          .answer = between(encrypted ? encrypted : connected, answered),
          .body = between(answered, done)};
}

}  // namespace

void TransferWatch::begin(void* curl_handle, Inspection& inspection) {
  auto* const easy = static_cast<CURL*>(curl_handle);
  inspection_ = &inspection;
  begun_ = std::chrono::steady_clock::now();
  until_handshake_.reset();
  set_option(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
  set_option(easy, CURLOPT_OPENSOCKETDATA, &inspection);
  set_option(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
  set_option(easy, CURLOPT_SSL_CTX_DATA, this);
}

void TransferWatch::handshake_begins() {
  if (until_handshake_) return;  // TLS 1.3 reports later messages as another handshake
  until_handshake_ =
      std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - begun_);
}

void TransferWatch::end(void* curl_handle) {
  auto* const easy = static_cast<CURL*>(curl_handle);
  long proxy_status = 0;
  curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  inspection_->through_proxy = proxy_status != 0;
  inspection_->times = read_times(easy, until_handshake_);
  inspection_ = nullptr;
  set_option(easy, CURLOPT_OPENSOCKETFUNCTION, nullptr);
  set_option(easy, CURLOPT_SSL_CTX_FUNCTION, nullptr);
}

}  // namespace agent_secrets
