# hearth_options: what every Hearth target compiles with. hearth_library, hearth_test: the two shapes of target.

add_library(hearth_options INTERFACE)
target_compile_features(hearth_options INTERFACE cxx_std_20)
target_include_directories(hearth_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(hearth_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Wnon-virtual-dtor;-Wold-style-cast>
  $<$<AND:$<BOOL:${HEARTH_WERROR}>,$<COMPILE_LANGUAGE:CXX>>:-Werror>
  $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>)  # CMake 3.25 does not know that nvcc has it
target_compile_definitions(hearth_options INTERFACE _GLIBCXX_ASSERTIONS)
if(HEARTH_SANITIZE)
  target_compile_options(hearth_options INTERFACE -fsanitize=${HEARTH_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(hearth_options INTERFACE -fsanitize=${HEARTH_SANITIZE})
endif()

find_package(Threads REQUIRED)

# hearth_library(NAME SOURCES a.cpp … [PUBLIC libs…] [PRIVATE libs…])
function(hearth_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${name} PUBLIC hearth_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# hearth_test(NAME SOURCES a.cpp … LIBS libs… [ENVIRONMENT NAME=value…]): a GoogleTest program, every case of which is one ctest.
# HEARTH_GOLDEN in the test's sources is the path of tests/golden from the repository's root, where tests are run: no absolute path in a
# compile command, so that ccache serves every checkout.
function(hearth_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;ENVIRONMENT" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE hearth_options ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE HEARTH_GOLDEN="tests/golden")
  set(properties)
  if(ARG_ENVIRONMENT)
    set(properties PROPERTIES ENVIRONMENT "${ARG_ENVIRONMENT}")
  endif()
  gtest_discover_tests(${name} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" DISCOVERY_TIMEOUT 60 DISCOVERY_MODE PRE_TEST ${properties})
endfunction()

if(HEARTH_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
