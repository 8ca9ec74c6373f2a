# A module is a folder with `foo.h foo.cc foo_test.cc` side by side. add_module() makes a library of the
# sources, and, where there are any, one Catch2 executable of the tests; main.cc belongs to neither.
# ctest starts that executable once for each file: a start for each case takes minutes with sanitizers.
function(add_module name)
  cmake_parse_arguments(ARG "" "" "LINK;TEST_LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")

  if(NOT sources)
    add_library(${name} INTERFACE)
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC project_options ${ARG_LINK})
  if(CMAKE_UNITY_BUILD)
    precompile_headers(${name})
  endif()

  if(tests AND NOT AGENT_SECRETS_STATIC)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} test_main ${ARG_TEST_LINK})
    add_tests_of_files(${name} ${tests})
  endif()
endfunction()

# The headers that take longest in the preset first. The module core precompiles them, for all modules.
function(precompile_headers name)
  if(NOT name STREQUAL core)
    target_precompile_headers(${name} REUSE_FROM core)
    return()
  endif()
  target_precompile_headers(core PRIVATE
    <algorithm> <array> <charconv> <chrono> <expected> <filesystem> <fstream> <functional> <map> <memory> <mutex>
    <optional> <set> <span> <stop_token> <string> <string_view> <thread> <utility> <variant> <vector>
    <boost/json.hpp> <fmt/format.h> <fmt/ranges.h>)
endfunction()

# Files of one name in two folders are one test.
function(add_tests_of_files name)
  foreach(path IN LISTS ARGN)
    cmake_path(GET path STEM file)
    list(APPEND files ${file})
  endforeach()
  list(REMOVE_DUPLICATES files)
  foreach(file IN LISTS files)
    add_test(NAME "${name}: ${file}" COMMAND ${name}_test --filenames-as-tags "[#${file}]")
    set_tests_properties("${name}: ${file}" PROPERTIES TIMEOUT 600 FAIL_REGULAR_EXPRESSION "No tests ran")
  endforeach()
endfunction()

# Compiled everywhere, so that every check sees it.
add_library(openssl_locks OBJECT ${PROJECT_SOURCE_DIR}/packaging/static/openssl_locks.cc)
target_link_libraries(openssl_locks PRIVATE project_options)

# What is special to a static program: OpenSSL's locks cost nothing while it has one thread, and what the linker
# reads goes into its bill of materials: beside it, in NAME.d.
function(link_as_release program)
  if(AGENT_SECRETS_STATIC)
    target_sources(${program} PRIVATE $<TARGET_OBJECTS:openssl_locks>)
    foreach(lock read_lock write_lock unlock)
      target_link_options(${program} PRIVATE -Wl,--wrap=CRYPTO_THREAD_${lock})
    endforeach()
    target_link_options(${program} PRIVATE -Wl,--dependency-file=$<TARGET_FILE:${program}>.d)
  endif()
endfunction()
