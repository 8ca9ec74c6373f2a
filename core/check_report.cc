#include "core/check_report.h"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "core/printable.h"

namespace agent_secrets {
namespace {

namespace json = boost::json;

const char* status_word(StepStatus status) {
  switch (status) {
    case StepStatus::ok:
      return "ok";
    case StepStatus::warning:
      return "warning";
    case StepStatus::failed:
      return "failed";
  }
  AGENT_SECRETS_ASSERT(false);
}

std::string mark(StepStatus status, const TerminalStyle& style) {
  switch (status) {
    case StepStatus::ok:
      return style.paint(Colour::green, style.symbols ? "✓" : "ok  ");
    case StepStatus::warning:
      return style.paint(Colour::yellow, style.symbols ? "!" : "warn");
    case StepStatus::failed:
      return style.paint(Colour::red, style.symbols ? "✗" : "FAIL");
  }
  AGENT_SECRETS_ASSERT(false);
}

std::string duration_text(std::optional<std::chrono::microseconds> took) {
  if (!took) return "";
  return fmt::format("{:.1f} ms", static_cast<double>(took->count()) / 1000);
}

json::value fact_json(const FactValue& fact) {
  if (const auto* truth = std::get_if<bool>(&fact)) return *truth;
  if (const auto* number = std::get_if<std::int64_t>(&fact)) return *number;
  if (const auto* text = std::get_if<std::string>(&fact)) return json::value(printable(*text));
  json::array texts;
  for (const std::string& text : std::get<std::vector<std::string>>(fact)) {
    texts.emplace_back(printable(text));
  }
  return texts;
}

json::object step_json(const Step& step) {
  json::object facts;
  for (const auto& [name, value] : step.facts) facts[name] = fact_json(value);
  return {{"name", step.name},
          {"status", status_word(step.status)},
          {"us", step.took ? json::value(step.took->count()) : json::value(nullptr)},
          {"detail", printable(step.detail)},
          {"hint", step.hint.empty() ? json::value(nullptr) : json::value(printable(step.hint))},
          {"facts", std::move(facts)}};
}

}  // namespace

void Step::warn(std::string_view why, std::string_view advice) {
  if (status == StepStatus::ok) status = StepStatus::warning;
  detail += fmt::format("{}{}", detail.empty() ? "" : "; ", why);
  hint = advice;
}

Step failed_step(std::string name, const Error& error, int exit_code) {
  return {.name = std::move(name),
          .status = StepStatus::failed,
          .detail = error.message,
          .hint = error.hint,
          .exit_code = exit_code};
}

std::size_t CheckReport::count(StepStatus status) const {
  return static_cast<std::size_t>(std::ranges::count(steps, status, &Step::status));
}

int CheckReport::exit_code(int of_warnings) const {
  for (const Step& step : steps) {
    if (step.status == StepStatus::failed) return step.exit_code;
  }
  return count(StepStatus::warning) > 0 ? of_warnings : 0;
}

std::string step_lines(const Step& step, const TerminalStyle& style) {
  std::string lines = fmt::format("{} {:<11} {:>10}  {}\n", mark(step.status, style), step.name,
                                  duration_text(step.took), printable(step.detail));
  if (!step.hint.empty()) {
    lines += style.paint(Colour::dim, "  hint: " + printable(step.hint)) + "\n";
  }
  return lines;
}

std::string report_json(const CheckReport& report, int exit_code) {
  json::array steps;
  for (const Step& step : report.steps) steps.emplace_back(step_json(step));
  const json::object document{
      {"version", AGENT_SECRETS_VERSION}, {"exit_code", exit_code}, {"steps", std::move(steps)}};
  return json::serialize(document) + "\n";
}

}  // namespace agent_secrets
