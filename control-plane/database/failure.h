#pragma once
// A statement that failed, as an exception that only Database::read and Database::write catch. The
// work of a transaction does not handle it, so a function over a Transaction& cannot forget to pass
// an error of the database on. What leaves Database is an Error like any other.

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
