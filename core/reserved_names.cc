#include "core/reserved_names.h"

#include <algorithm>
#include <array>
#include <ranges>

#include <fmt/format.h>

namespace agent_secrets {
namespace {

using enum ReservedClass;

constexpr std::string_view kLoader = "loads code into every program";
constexpr std::string_view kLibc = "names files that the C library loads";
constexpr std::string_view kResolver = "changes the answers for host names";
constexpr std::string_view kPath = "decides which programs run";
constexpr std::string_view kShell = "decides what a shell runs";
constexpr std::string_view kCommand = "names a program that other programs run";
constexpr std::string_view kSettingsFile = "names settings that can name programs to run";
constexpr std::string_view kGit = "decides what Git runs, trusts or writes";
constexpr std::string_view kPython = "decides which code Python runs";
constexpr std::string_view kServer = "decides which code the web server runs";
constexpr std::string_view kInstaller = "decides which packages are installed, and from where";
constexpr std::string_view kNode = "decides which code Node.js runs";
constexpr std::string_view kRuntime = "decides which code the language's runtime runs";
constexpr std::string_view kPlugin = "names libraries and plug-ins that programs load";
constexpr std::string_view kOpenSsl = "loads modules into OpenSSL, or weakens it";
constexpr std::string_view kTrust = "decides whom TLS trusts";
constexpr std::string_view kLeak = "writes keys or traffic to a file or to the log";
constexpr std::string_view kOurs = "steers secret-injector and secret-sidecar";
constexpr std::string_view kServerSettings = "sets how the web server and its framework run";
constexpr std::string_view kMode = "is read by interactive shells, and often set by the image";
constexpr std::string_view kPythonSettings = "sets how Python runs, not what";
constexpr std::string_view kInstallerSettings = "sets how packages are installed, not which";
constexpr std::string_view kTuning =
    "tunes memory, threads or devices to the image and the machine";
constexpr std::string_view kPlaces = "names directories of the image";
constexpr std::string_view kSession = "is set by the shell or the container runtime";
constexpr std::string_view kProxy = "sends connections through a proxy, or past it";

// ld.so(8) "secure-execution mode" names most variables of the loader and of the C library; the
// rest is from the manual of each program. Sorted by byte value: find_reserved() searches.
constexpr auto kReserved = std::to_array<ReservedName>({
    {"AGENT_SECRETS_*", takes_over, kOurs},
    {"ALL_PROXY", of_image, kProxy},
    {"ALSA_CONFIG_*", takes_over, kPlugin},
    {"ALSA_PLUGIN_*", takes_over, kPlugin},
    {"AWS_CA_BUNDLE", takes_over, kTrust},
    {"AWS_CONFIG_FILE", takes_over, kSettingsFile},
    {"AWS_CONTAINER_*", of_image, kSession},
    {"AWS_SHARED_CREDENTIALS_FILE", takes_over, kSettingsFile},
    {"BASHOPTS", takes_over, kShell},
    {"BASH_ENV", takes_over, kShell},
    {"BASH_FUNC_*", takes_over, kShell},
    {"BASH_LOADABLES_PATH", takes_over, kShell},
    {"BROWSER", takes_over, kCommand},
    {"BUNDLE_GEMFILE", takes_over, kRuntime},
    {"BUNDLE_PATH", takes_over, kRuntime},
    {"BUN_OPTIONS", takes_over, kRuntime},
    {"CAML_LD_LIBRARY_PATH", takes_over, kRuntime},
    {"CATALINA_OPTS", takes_over, kRuntime},
    {"CC", takes_over, kCommand},
    {"CDPATH", takes_over, kShell},
    {"CLASSPATH", takes_over, kRuntime},
    {"COMPlus_*", takes_over, kRuntime},
    {"CONDARC", takes_over, kInstaller},
    {"CONDA_*", of_image, kPlaces},
    {"CONDA_EXE", takes_over, kInstaller},
    {"CONDA_PYTHON_EXE", takes_over, kInstaller},
    {"CORECLR_*", takes_over, kRuntime},
    {"COR_ENABLE_PROFILING", takes_over, kRuntime},
    {"COR_PROFILER*", takes_over, kRuntime},
    {"COVERAGE_PROCESS_CONFIG", takes_over, kPython},
    {"COVERAGE_PROCESS_START", takes_over, kPython},
    {"CUDA_*", of_image, kTuning},
    {"CUDA_INJECTION*", takes_over, kPlugin},
    {"CURL_CA_BUNDLE", takes_over, kTrust},
    {"CXX", takes_over, kCommand},
    {"DBUS_SESSION_BUS_ADDRESS", takes_over, kSettingsFile},
    {"DBUS_SYSTEM_BUS_ADDRESS", takes_over, kSettingsFile},
    {"DENO_CERT", takes_over, kTrust},
    {"DENO_TLS_CA_STORE", takes_over, kTrust},
    {"DJANGO_SETTINGS_MODULE", of_image, kServerSettings},
    {"DOTNET_*", of_image, kTuning},
    {"DOTNET_ADDITIONAL_DEPS", takes_over, kRuntime},
    {"DOTNET_ROOT*", takes_over, kRuntime},
    {"DOTNET_SHARED_STORE", takes_over, kRuntime},
    {"DOTNET_STARTUP_HOOKS", takes_over, kRuntime},
    {"DSSI_PATH", takes_over, kPlugin},
    {"EDITOR", takes_over, kCommand},
    {"ELIXIR_ERL_OPTIONS", takes_over, kRuntime},
    {"ENV", of_image, kMode},
    {"ERL_AFLAGS", takes_over, kRuntime},
    {"ERL_FLAGS", takes_over, kRuntime},
    {"ERL_LIBS", takes_over, kRuntime},
    {"ERL_ZFLAGS", takes_over, kRuntime},
    {"FCEDIT", takes_over, kCommand},
    {"FFREPORT", takes_over, kLeak},
    {"FLASK_APP", of_image, kServerSettings},
    {"FLASK_DEBUG", of_image, kServerSettings},
    {"FORWARDED_ALLOW_IPS", of_image, kServerSettings},
    {"FPATH", takes_over, kShell},
    {"FREI0R_PATH", takes_over, kPlugin},
    {"FTP_PROXY", of_image, kProxy},
    {"GBM_BACKENDS_PATH", takes_over, kPlugin},
    {"GCONV_PATH", takes_over, kLibc},
    {"GDK_PIXBUF_MODULEDIR", takes_over, kPlugin},
    {"GDK_PIXBUF_MODULE_FILE", takes_over, kPlugin},
    {"GEM_HOME", takes_over, kRuntime},
    {"GEM_PATH", takes_over, kRuntime},
    {"GETCONF_DIR", takes_over, kLibc},
    {"GIO_EXTRA_MODULES", takes_over, kPlugin},
    {"GIO_MODULE_DIR", takes_over, kPlugin},
    {"GIT_ALLOW_PROTOCOL", takes_over, kGit},
    {"GIT_ALTERNATE_OBJECT_DIRECTORIES", takes_over, kGit},
    {"GIT_ASKPASS", takes_over, kGit},
    {"GIT_COMMON_DIR", takes_over, kGit},
    {"GIT_CONFIG", takes_over, kGit},
    {"GIT_CONFIG_*", takes_over, kGit},
    {"GIT_DIR", takes_over, kGit},
    {"GIT_EDITOR", takes_over, kGit},
    {"GIT_EXEC_PATH", takes_over, kGit},
    {"GIT_EXTERNAL_DIFF", takes_over, kGit},
    {"GIT_OBJECT_DIRECTORY", takes_over, kGit},
    {"GIT_PAGER", takes_over, kGit},
    {"GIT_PROTOCOL_FROM_USER", takes_over, kGit},
    {"GIT_PROXY_COMMAND", takes_over, kGit},
    {"GIT_PROXY_SSL_*", takes_over, kGit},
    {"GIT_SEQUENCE_EDITOR", takes_over, kGit},
    {"GIT_SSH", takes_over, kGit},
    {"GIT_SSH_COMMAND", takes_over, kGit},
    {"GIT_SSH_VARIANT", takes_over, kGit},
    {"GIT_SSL_*", takes_over, kGit},
    {"GIT_TEMPLATE_DIR", takes_over, kGit},
    {"GIT_TRACE*", takes_over, kGit},
    {"GI_TYPELIB_PATH", takes_over, kPlugin},
    {"GLIBC_TUNABLES", takes_over, kLoader},
    {"GNUTLS_*", takes_over, kTrust},
    {"GODEBUG", takes_over, kTrust},
    {"GOFLAGS", takes_over, kInstaller},
    {"GOGC", of_image, kTuning},
    {"GOINSECURE", takes_over, kInstaller},
    {"GOMAXPROCS", of_image, kTuning},
    {"GOMEMLIMIT", of_image, kTuning},
    {"GONOSUMDB", takes_over, kInstaller},
    {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", takes_over, kSettingsFile},
    {"GOPROXY", takes_over, kInstaller},
    {"GOTRACEBACK", of_image, kTuning},
    {"GRADLE_OPTS", takes_over, kRuntime},
    {"GRANIAN_*", of_image, kServerSettings},
    {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", takes_over, kTrust},
    {"GRPC_PROXY", of_image, kProxy},
    {"GRPC_TRACE", takes_over, kLeak},
    {"GST_PLUGIN_*", takes_over, kPlugin},
    {"GST_REGISTRY*", takes_over, kPlugin},
    {"GTK3_MODULES", takes_over, kPlugin},
    {"GTK_DATA_PREFIX", takes_over, kPlugin},
    {"GTK_EXE_PREFIX", takes_over, kPlugin},
    {"GTK_IM_MODULE_FILE", takes_over, kPlugin},
    {"GTK_MODULES", takes_over, kPlugin},
    {"GTK_PATH", takes_over, kPlugin},
    {"GUNICORN_CMD_ARGS", takes_over, kServer},
    {"HGRCPATH", takes_over, kSettingsFile},
    {"HOME", of_image, kPlaces},
    {"HOSTALIASES", takes_over, kResolver},
    {"HOSTNAME", of_image, kSession},
    {"HSA_TOOLS_LIB", takes_over, kPlugin},
    {"HTTPLIB2_CA_CERTS", takes_over, kTrust},
    {"HTTPS_PROXY", of_image, kProxy},
    {"HTTP_PROXY", of_image, kProxy},
    {"IFS", takes_over, kShell},
    {"IPYTHONDIR", takes_over, kPython},
    {"JACK_DRIVER_DIR", takes_over, kPlugin},
    {"JAVA_HOME", of_image, kPlaces},
    {"JAVA_OPTS", takes_over, kRuntime},
    {"JAVA_TOOL_OPTIONS", takes_over, kRuntime},
    {"JDK_JAVAC_OPTIONS", takes_over, kRuntime},
    {"JDK_JAVA_OPTIONS", takes_over, kRuntime},
    {"JULIA_DEPOT_PATH", takes_over, kRuntime},
    {"JULIA_LOAD_PATH", takes_over, kRuntime},
    {"JUPYTER_CONFIG_DIR", takes_over, kPython},
    {"JUPYTER_CONFIG_PATH", takes_over, kPython},
    {"JUPYTER_PATH", takes_over, kPython},
    {"KRB5_CONFIG", takes_over, kSettingsFile},
    {"KUBECONFIG", takes_over, kSettingsFile},
    {"KUBERNETES_*", of_image, kSession},
    {"LADSPA_PATH", takes_over, kPlugin},
    {"LD_*", takes_over, kLoader},
    {"LESSCLOSE", takes_over, kCommand},
    {"LESSOPEN", takes_over, kCommand},
    {"LIBGL_DRIVERS_PATH", takes_over, kPlugin},
    {"LIBMYSQL_PLUGINS", takes_over, kPlugin},
    {"LIBMYSQL_PLUGIN_DIR", takes_over, kPlugin},
    {"LIBVA_DRIVERS_PATH", takes_over, kPlugin},
    {"LISTEN_FDNAMES", of_image, kSession},
    {"LISTEN_FDS", of_image, kSession},
    {"LISTEN_PID", of_image, kSession},
    {"LOCALDOMAIN", takes_over, kResolver},
    {"LOCPATH", takes_over, kLibc},
    {"LOGNAME", of_image, kSession},
    {"LUA_CPATH*", takes_over, kRuntime},
    {"LUA_INIT*", takes_over, kRuntime},
    {"LUA_PATH*", takes_over, kRuntime},
    {"LV2_PATH", takes_over, kPlugin},
    {"MAGICK_CODER_MODULE_PATH", takes_over, kPlugin},
    {"MAGICK_CONFIGURE_PATH", takes_over, kPlugin},
    {"MAGICK_FILTER_MODULE_PATH", takes_over, kPlugin},
    {"MAGICK_HOME", takes_over, kPlugin},
    {"MALLOC_*", of_image, kTuning},
    {"MAMBA_EXE", takes_over, kInstaller},
    {"MANPAGER", takes_over, kCommand},
    {"MAVEN_OPTS", takes_over, kRuntime},
    {"MPLBACKEND", of_image, kTuning},
    {"NCCL_NET_PLUGIN", takes_over, kPlugin},
    {"NCCL_PROFILER_PLUGIN", takes_over, kPlugin},
    {"NCCL_TUNER_PLUGIN", takes_over, kPlugin},
    {"NIS_PATH", takes_over, kLibc},
    {"NLSPATH", takes_over, kLibc},
    {"NODE_DEBUG", takes_over, kLeak},
    {"NODE_EXTRA_CA_CERTS", takes_over, kTrust},
    {"NODE_OPTIONS", takes_over, kNode},
    {"NODE_PATH", takes_over, kNode},
    {"NODE_REPL_EXTERNAL_MODULE", takes_over, kNode},
    {"NODE_TLS_REJECT_UNAUTHORIZED", takes_over, kTrust},
    {"NOTIFY_SOCKET", of_image, kSession},
    {"NO_GRPC_PROXY", of_image, kProxy},
    {"NO_PROXY", of_image, kProxy},
    {"NPM_CONFIG_*", takes_over, kInstaller},
    {"NUMBA_CACHE_DIR", takes_over, kPython},
    {"NVIDIA_DRIVER_CAPABILITIES", of_image, kTuning},
    {"NVIDIA_VISIBLE_DEVICES", of_image, kTuning},
    {"OCL_ICD_FILENAMES", takes_over, kPlugin},
    {"OCL_ICD_VENDORS", takes_over, kPlugin},
    {"ODBCINI", takes_over, kPlugin},
    {"ODBCINSTINI", takes_over, kPlugin},
    {"ODBCSYSINI", takes_over, kPlugin},
    {"OLDPWD", of_image, kSession},
    {"OMP_TOOL_LIBRARIES", takes_over, kPlugin},
    {"OPENCV_CORE_PLUGIN_PATH", takes_over, kPlugin},
    {"OPENCV_VIDEOIO_PLUGIN*", takes_over, kPlugin},
    {"OPENSSL_*", takes_over, kOpenSsl},
    {"PAGER", takes_over, kCommand},
    {"PATH", takes_over, kPath},
    {"PDM_*", takes_over, kInstaller},
    {"PERL5*", takes_over, kRuntime},
    {"PERLIO", takes_over, kRuntime},
    {"PERLIO_DEBUG", takes_over, kRuntime},
    {"PERLLIB", takes_over, kRuntime},
    {"PHPRC", takes_over, kRuntime},
    {"PHP_INI_SCAN_DIR", takes_over, kRuntime},
    {"PIPECAT_SETUP_FILES", takes_over, kPython},
    {"PIPENV_*", takes_over, kInstaller},
    {"PIPEWIRE_CONFIG_*", takes_over, kPlugin},
    {"PIPEWIRE_MODULE_DIR", takes_over, kPlugin},
    {"PIP_*", takes_over, kInstaller},
    {"PIP_DEFAULT_TIMEOUT", of_image, kInstallerSettings},
    {"PIP_DISABLE_PIP_VERSION_CHECK", of_image, kInstallerSettings},
    {"PIP_NO_CACHE_DIR", of_image, kInstallerSettings},
    {"PIP_NO_INPUT", of_image, kInstallerSettings},
    {"PIP_ROOT_USER_ACTION", of_image, kInstallerSettings},
    {"PNPM_*", takes_over, kInstaller},
    {"POETRY_*", takes_over, kInstaller},
    {"POETRY_VERSION", of_image, kInstallerSettings},
    {"POETRY_VIRTUALENVS_CREATE", of_image, kInstallerSettings},
    {"PORT", of_image, kServerSettings},
    {"POSIXLY_CORRECT", of_image, kSession},
    {"PROMPT_COMMAND", takes_over, kShell},
    {"PS0", takes_over, kShell},
    {"PS1", takes_over, kShell},
    {"PS2", takes_over, kShell},
    {"PS3", takes_over, kShell},
    {"PS4", takes_over, kShell},
    {"PULSE_DLPATH", takes_over, kPlugin},
    {"PULSE_SERVER", of_image, kTuning},
    {"PWD", of_image, kSession},
    {"PYTEST_ADDOPTS", takes_over, kPython},
    {"PYTEST_PLUGINS", takes_over, kPython},
    {"PYTHON*", takes_over, kPython},
    {"PYTHONASYNCIODEBUG", of_image, kPythonSettings},
    {"PYTHONCOERCECLOCALE", of_image, kPythonSettings},
    {"PYTHONDEBUG", of_image, kPythonSettings},
    {"PYTHONDEVMODE", of_image, kPythonSettings},
    {"PYTHONDONTWRITEBYTECODE", of_image, kPythonSettings},
    {"PYTHONFAULTHANDLER", of_image, kPythonSettings},
    {"PYTHONHASHSEED", of_image, kPythonSettings},
    {"PYTHONINTMAXSTRDIGITS", of_image, kPythonSettings},
    {"PYTHONIOENCODING", of_image, kPythonSettings},
    {"PYTHONMALLOC", of_image, kPythonSettings},
    {"PYTHONMALLOCSTATS", of_image, kPythonSettings},
    {"PYTHONNODEBUGRANGES", of_image, kPythonSettings},
    {"PYTHONNOUSERSITE", of_image, kPythonSettings},
    {"PYTHONOPTIMIZE", of_image, kPythonSettings},
    {"PYTHONPROFILEIMPORTTIME", of_image, kPythonSettings},
    {"PYTHONSAFEPATH", of_image, kPythonSettings},
    {"PYTHONTRACEMALLOC", of_image, kPythonSettings},
    {"PYTHONUNBUFFERED", of_image, kPythonSettings},
    {"PYTHONUTF8", of_image, kPythonSettings},
    {"PYTHONVERBOSE", of_image, kPythonSettings},
    {"PYTHON_*", of_image, kPythonSettings},
    {"PYTHON_EGG_CACHE", takes_over, kPython},
    {"PYTHON_KEYRING_BACKEND", takes_over, kPython},
    {"PYTHON_PRESITE", takes_over, kPython},
    {"QML2_IMPORT_PATH", takes_over, kPlugin},
    {"QML_IMPORT_PATH", takes_over, kPlugin},
    {"QT_PLUGIN_PATH", takes_over, kPlugin},
    {"QT_QPA_PLATFORM_PLUGIN_PATH", takes_over, kPlugin},
    {"REQUESTS_CA_BUNDLE", takes_over, kTrust},
    {"RESOLV_HOST_CONF", takes_over, kResolver},
    {"RES_OPTIONS", takes_over, kResolver},
    {"RSYNC_CONNECT_PROG", takes_over, kCommand},
    {"RSYNC_RSH", takes_over, kCommand},
    {"RUBYLIB", takes_over, kRuntime},
    {"RUBYOPT", takes_over, kRuntime},
    {"RUBYSHELL", takes_over, kRuntime},
    {"RUSTC_WRAPPER", takes_over, kInstaller},
    {"R_ENVIRON*", takes_over, kRuntime},
    {"R_LIBS*", takes_over, kRuntime},
    {"R_PROFILE*", takes_over, kRuntime},
    {"SASL_PATH", takes_over, kPlugin},
    {"SDL_DYNAMIC_API", takes_over, kPlugin},
    {"SHELL", takes_over, kCommand},
    {"SHELLOPTS", takes_over, kShell},
    {"SHLVL", of_image, kSession},
    {"SHUTDOWN_TIMEOUT", of_image, kServerSettings},
    {"SOCKS_PROXY", of_image, kProxy},
    {"SPA_PLUGIN_DIR", takes_over, kPlugin},
    {"SSH_ASKPASS", takes_over, kCommand},
    {"SSH_AUTH_SOCK", of_image, kSession},
    {"SSLKEYLOGFILE", takes_over, kLeak},
    {"SSL_CERT_DIR", takes_over, kTrust},
    {"SSL_CERT_FILE", takes_over, kTrust},
    {"SUDO_ASKPASS", takes_over, kCommand},
    {"SVN_SSH", takes_over, kCommand},
    {"TCLLIBPATH", takes_over, kRuntime},
    {"TEMP", of_image, kPlaces},
    {"TERM", of_image, kSession},
    {"TMP", of_image, kPlaces},
    {"TMPDIR", of_image, kPlaces},
    {"TORCHINDUCTOR_CACHE_DIR", takes_over, kPython},
    {"TORCH_EXTENSIONS_DIR", takes_over, kPython},
    {"TRITON_CACHE_DIR", takes_over, kPython},
    {"TRITON_LIBCUDA_PATH", takes_over, kPlugin},
    {"TRITON_PTXAS_PATH", takes_over, kCommand},
    {"TZDIR", of_image, kPlaces},
    {"USER", of_image, kSession},
    {"UVICORN_*", of_image, kServerSettings},
    {"UVICORN_APP", takes_over, kServer},
    {"UVICORN_APP_DIR", takes_over, kServer},
    {"UVICORN_LOG_CONFIG", takes_over, kServer},
    {"UV_*", takes_over, kInstaller},
    {"UV_COMPILE_BYTECODE", of_image, kInstallerSettings},
    {"UV_LINK_MODE", of_image, kInstallerSettings},
    {"UV_NO_CACHE", of_image, kInstallerSettings},
    {"UV_NO_PROGRESS", of_image, kInstallerSettings},
    {"UV_THREADPOOL_SIZE", of_image, kTuning},
    {"UV_USE_IO_URING", of_image, kTuning},
    {"UWSGI_*", takes_over, kServer},
    {"VDPAU_DRIVER_PATH", takes_over, kPlugin},
    {"VIRTUAL_ENV", of_image, kPlaces},
    {"VIRTUAL_ENV_PROMPT", of_image, kPlaces},
    {"VISUAL", takes_over, kCommand},
    {"VK_ADD_LAYER_PATH", takes_over, kPlugin},
    {"VK_DRIVER_FILES", takes_over, kPlugin},
    {"VK_ICD_FILENAMES", takes_over, kPlugin},
    {"VK_INSTANCE_LAYERS", takes_over, kPlugin},
    {"VK_LAYER_PATH", takes_over, kPlugin},
    {"WEBSOCKET_CLIENT_CA_BUNDLE", takes_over, kTrust},
    {"WEB_CONCURRENCY", of_image, kServerSettings},
    {"WSS_PROXY", of_image, kProxy},
    {"WS_PROXY", of_image, kProxy},
    {"XDG_*", of_image, kPlaces},
    {"YARN_*", takes_over, kInstaller},
    {"YARN_VERSION", of_image, kInstallerSettings},
    {"ZDOTDIR", takes_over, kShell},
    {"_", of_image, kSession},
    {"_JAVA_OPTIONS", takes_over, kRuntime},
    {"__EGL_VENDOR_LIBRARY_*", takes_over, kPlugin},
    {"all_proxy", of_image, kProxy},
    {"ftp_proxy", of_image, kProxy},
    {"grpc_proxy", of_image, kProxy},
    {"http_proxy", of_image, kProxy},
    {"https_proxy", of_image, kProxy},
    {"no_grpc_proxy", of_image, kProxy},
    {"no_proxy", of_image, kProxy},
    {"npm_config_*", takes_over, kInstaller},
    {"pnpm_config_*", takes_over, kInstaller},
    {"socks_proxy", of_image, kProxy},
    {"ws_proxy", of_image, kProxy},
    {"wss_proxy", of_image, kProxy},
});

static_assert(std::ranges::is_sorted(kReserved, {}, &ReservedName::pattern));

constexpr bool is_prefix(std::string_view pattern) { return pattern.ends_with('*'); }

// The entries that are prefixes: a start compares each of its keys with these only.
constexpr auto kPrefixes = [] {
  std::array<const ReservedName*,
             std::ranges::count_if(kReserved, is_prefix, &ReservedName::pattern)>
      prefixes{};
  auto next = prefixes.begin();
  for (const ReservedName& entry : kReserved) {
    if (is_prefix(entry.pattern)) *next++ = &entry;
  }
  return prefixes;
}();

bool has_class(std::string_view name, ReservedClass kind) {
  const ReservedName* found = find_reserved(name);
  return found != nullptr && found->kind == kind;
}

std::vector<std::string> of_class(ReservedClass kind, const std::vector<std::string>& names,
                                  const std::vector<std::string>& without) {
  std::vector<std::string> found;
  std::ranges::copy_if(names, std::back_inserter(found), [&](const std::string& name) {
    return has_class(name, kind) && std::ranges::find(without, name) == without.end();
  });
  return found;
}

}  // namespace

std::span<const ReservedName> reserved_names() { return kReserved; }

const ReservedName* find_reserved(std::string_view name) {
  // A name that ends in '*' is not equal to a pattern; it can only match a prefix.
  const auto* exact = std::ranges::lower_bound(kReserved, name, {}, &ReservedName::pattern);
  if (exact != kReserved.end() && exact->pattern == name && !is_prefix(name)) return exact;
  const ReservedName* longest = nullptr;
  for (const ReservedName* entry : kPrefixes) {
    if (!name.starts_with(entry->pattern.substr(0, entry->pattern.size() - 1))) continue;
    if (longest == nullptr || entry->pattern.size() > longest->pattern.size()) longest = entry;
  }
  return longest;
}

std::vector<std::string> refused_names(const std::vector<std::string>& names,
                                       const std::vector<std::string>& allowed) {
  return of_class(takes_over, names, allowed);
}

std::vector<std::string> image_names(const std::vector<std::string>& names,
                                     const std::vector<std::string>& known) {
  return of_class(of_image, names, known);
}

std::string with_reasons(const std::vector<std::string>& names) {
  constexpr std::size_t kNamed = 20;
  std::string text;
  for (const std::string& name : names | std::views::take(kNamed)) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", name, find_reserved(name)->reason);
  }
  if (names.size() > kNamed) text += fmt::format(" and {} more", names.size() - kNamed);
  return text;
}

}  // namespace agent_secrets
