# A module is a folder with `foo.h foo.cc foo_test.cc` side by side. add_module() makes a library of the
# sources, and, where there are any, one Catch2 executable of the tests; main.cc belongs to neither.
if(NOT AGENT_SECRETS_STATIC)
  list(APPEND CMAKE_MODULE_PATH ${Catch2_DIR})
  include(Catch)
endif()

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

  if(tests AND NOT AGENT_SECRETS_STATIC)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} test_main ${ARG_TEST_LINK})
    catch_discover_tests(${name}_test TEST_PREFIX "${name}: " PROPERTIES TIMEOUT 120)
  endif()
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
