#include "dag/interop/real_condor.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <unistd.h>

namespace roost::test {
namespace {

namespace fs = std::filesystem;

Path Chroot() {
  const char* root = std::getenv("ROOST_CONDOR_ROOT");
  return root == nullptr ? Path() : Path(root);
}

}  // namespace

std::string RealCondor::Missing() {
  if (Chroot().empty())
    return "needs a real HTCondor: scripts/dev/condor-pool make, and set ROOST_CONDOR_ROOT";
  if (!fs::exists(Chroot() / "usr/sbin/condor_master"))
    return "there is no HTCondor in '" + Chroot().string() + "'";
  if (::geteuid() != 0) return "needs root, to enter the chroot of HTCondor";
  return {};
}

RealCondor::RealCondor() {
  std::string name = Chroot() / "home/user/test-XXXXXX";
  EXPECT_NE(::mkdtemp(name.data()), nullptr) << name;
  here_ = name;
}

RealCondor::~RealCondor() {
  if (started_) Pool({"stop"});
  std::error_code ignored;
  fs::remove_all(here_, ignored);
}

CommandResult RealCondor::Pool(std::vector<std::string> words) {
  words.insert(words.begin(), SourceDir() / "scripts/dev/condor-pool");
  return RunCommand(words);
}

CommandResult RealCondor::Run(const std::vector<std::string>& argv) {
  const Path inside = "/" / here_.lexically_relative(Chroot());
  const CommandResult given = RunCommand({"chroot", Chroot(), "chown", "-R", "user:user", inside});
  EXPECT_TRUE(given.status.ok()) << given.err;
  std::vector<std::string> words = {"run", "-C", inside};
  words.insert(words.end(), argv.begin(), argv.end());
  return Pool(std::move(words));
}

CommandResult RealCondor::Dagrun(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {Program("dagrun")};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return RunCommand(argv, here_);
}

void RealCondor::StartPool() {
  const CommandResult start = Pool({"start"});
  ASSERT_TRUE(start.status.ok()) << start.err;
  started_ = true;
}

}  // namespace roost::test
