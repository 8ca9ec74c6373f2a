#pragma once
// How a statement that failed leaves the work of a transaction: as an exception that only
// Database::read and Database::write catch. Work passes no error of the database on by hand, so it
// cannot forget to; what comes out of Database is an Error like any other.

#include <exception>
#include <utility>

#include "core/error.h"

namespace agent_secrets::control_plane {

class DatabaseFailure : public std::exception {
 public:
  explicit DatabaseFailure(Error error) : error_(std::move(error)) {}
  [[nodiscard]] const char* what() const noexcept override { return error_.message.c_str(); }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
};

}  // namespace agent_secrets::control_plane
