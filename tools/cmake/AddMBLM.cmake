# The project's own wrappers, so that each leaf CMakeLists.txt is a list of names.

# All generated headers hang on this one target; libraries wait for it.
add_custom_target(mblm-headers)

# A library that knows MLIR. Object files wait for every generated header.
function(add_mblm_library name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  add_dependencies(${name} mblm-headers)
  target_include_directories(${name} SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS} MLIR LLVM)
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
endfunction()

# A plain C++ library without MLIR or LLVM (exceptions allowed).
function(add_plain_library name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS})
endfunction()

# A GoogleTest program, known to ctest under its own name.
function(add_mblm_unit_test name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endfunction()

# The lit tests of this folder, known to ctest as `lit-<folder>`.
find_program(LIT NAMES lit HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)
function(add_mblm_lit_test)
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  add_test(NAME lit-${folder} COMMAND ${LIT} -v ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
