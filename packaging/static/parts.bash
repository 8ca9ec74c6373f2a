# shellcheck shell=bash disable=SC2034  # sourced; others use what is set here
# What the static programs are made of.

ARCHITECTURES=(amd64 arm64)

# Built here, each by its recipe in build-libraries, in this order.
SOURCE_PACKAGES=(openssl curl simdjson fmtlib prometheus-cpp)

# Source packages of another suite than this machine's: docs/decisions/0052-tls-library-of-the-static-programs.md has
# the reason. All other packages, Debian's C and C++ runtime among them, are of this machine's suite.
declare -A SUITES=([openssl]=trixie)

# As Debian builds them: the runtime of the compiler, and libraries of which only headers are used,
# but for libsodium.
BINARY_PACKAGES=(libc6-dev linux-libc-dev libgcc-12-dev libstdc++-12-dev libsodium-dev libboost1.81-dev)
ANY_ARCHITECTURE_PACKAGES=(libcli11-dev)

triplet_of() {
  case "$1" in
    amd64) echo x86_64-linux-gnu ;;
    arm64) echo aarch64-linux-gnu ;;
    *) die "no such architecture: $1" "Choose from amd64 and arm64." ;;
  esac
}
