# How every translation unit of the project is compiled: one language level, warnings as errors,
# hardening always on, sanitizers when a preset asks for them, ccache and mold when the machine has them.
# The static presets bring a compiler that has its own (packaging/static/make-root).
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(AGENT_SECRETS_SANITIZER "" CACHE STRING "value for -fsanitize=, or empty")
option(AGENT_SECRETS_FUZZERS "build the libFuzzer targets (clang only)" OFF)
option(AGENT_SECRETS_STATIC "build what runs in an agent's container, static, without tests" OFF)

if(NOT AGENT_SECRETS_STATIC)
  find_program(CCACHE_PROGRAM ccache)
  if(CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
    set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
    if(CMAKE_UNITY_BUILD)
      # Otherwise ccache does not keep what is compiled with a precompiled header (ccache(1), "Precompiled headers").
      list(PREPEND CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros)
      add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
    endif()
  endif()

  find_program(MOLD_PROGRAM mold)
  if(MOLD_PROGRAM)
    add_link_options(-fuse-ld=mold)
  endif()
endif()

# What Debian's packages have too: a large stack frame cannot jump over the guard page, and an indirect call or jump
# reaches only the beginning of a function.
set(hardened_code -fstack-clash-protection)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  list(APPEND hardened_code -fcf-protection)
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  list(APPEND hardened_code -mbranch-protection=standard)
endif()

add_library(project_options INTERFACE)
target_include_directories(project_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(project_options INTERFACE
  AGENT_SECRETS_VERSION="${PROJECT_VERSION}" _FILE_OFFSET_BITS=64)
target_compile_options(project_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor
  -fstack-protector-strong -fno-plt
  "$<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2;${hardened_code}>")
target_link_options(project_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

if(AGENT_SECRETS_SANITIZER)
  add_compile_options(-fsanitize=${AGENT_SECRETS_SANITIZER} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${AGENT_SECRETS_SANITIZER})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented <regex> looks uninitialised to GCC 12, through Catch2 (GCC bug 105562).
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
endif()
if(AGENT_SECRETS_SANITIZER MATCHES "undefined")
  add_compile_options(-fno-sanitize-recover=all)
  # UndefinedBehaviorSanitizer describes every place that it checks: more than a million addresses. At a fixed address
  # the linker fills them in. Otherwise each start does, which takes a third of the start's time.
  add_link_options(-no-pie)
endif()
if(AGENT_SECRETS_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
