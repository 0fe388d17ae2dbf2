#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "roost/base/error.h"

namespace roost {

/// What Python's argparse lets people type for the flags of the reference's scripts: --conf_thres for
/// --conf-thres, and any beginning that only one flag has (--conf). Returns the words of a command line
/// (without argv[0]) with such flags spelled out as `app` knows them; the rest as it is. A beginning that
/// only one of the `preferred` flags has means that one. Throws Error (usage) where a beginning is ambiguous.
inline std::vector<std::string> SpellOutFlags(const CLI::App& app, std::vector<std::string> words,
                                              const std::vector<std::string>& preferred = {}) {
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (std::string& word : words) {
    if (word == "--") break;
    if (!word.starts_with("--")) continue;
    const std::size_t end = std::min(word.find('='), word.size());
    std::string flag = word.substr(0, end);
    std::replace(flag.begin(), flag.end(), '_', '-');
    if (std::find(known.begin(), known.end(), flag) == known.end()) {
      const auto beginning_with_it = [&](const std::vector<std::string>& names) {
        std::vector<std::string> found;
        std::copy_if(names.begin(), names.end(), std::back_inserter(found),
                     [&](const std::string& name) { return name.starts_with(flag); });
        return found;
      };
      std::vector<std::string> candidates = beginning_with_it(preferred);
      if (candidates.size() != 1) candidates = beginning_with_it(known);
      if (candidates.size() > 1) {
        std::string message = flag + " could mean";
        for (const std::string& candidate : candidates) message.append(" ").append(candidate);
        throw Error(message, ExitCode::kUsage);
      }
      if (candidates.empty()) continue;
      flag = candidates.front();
    }
    word.replace(0, end, flag);
  }
  return words;
}

}  // namespace roost
