#include "dag/run/dagman_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"

namespace roost::dag {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DagmanConfigTest : public ::testing::Test {
 protected:
  Path File(const std::string& name, const std::string& text) {
    test::WriteFile(folder_.path() / name, text);
    return folder_.path() / name;
  }
  DagmanKnobs Read(const std::string& text, const std::vector<std::string>& environment = {}) {
    return ReadKnobs({}, File("dagman.config", text), environment, faults_);
  }
  std::vector<std::string> Told() const {
    std::vector<std::string> told;
    for (const Fault& fault : faults_) {
      Fault shown = fault;
      shown.where.file = Path(fault.where.file).filename();
      told.push_back(shown.Describe());
    }
    return told;
  }

  TemporaryDirectory folder_;
  Faults faults_;
};

TEST_F(DagmanConfigTest, SettingsHaveNoCaseAndComeWithBlanksCommentsAndContinuation) {
  const DagmanKnobs knobs = Read(
      "# limits\n"
      "dagman_max_jobs_submitted=3\r\n"
      "  DAGMAN_MAX_JOBS_IDLE = \\\n"
      "# in between\n"
      "    7\n"
      "DAGMAN_ALWAYS_RUN_POST = yes\n"
      "DAGMAN_USE_DIRECT_SUBMIT = False\n"
      "DAGMAN_MUNGE_NODE_NAMES = 0\n"
      "DAGMAN_DEFAULT_NODE_LOG = @(DAG_DIR)/log\n");
  EXPECT_THAT(Told(), IsEmpty());
  EXPECT_EQ(knobs.max_jobs, 3);
  EXPECT_EQ(knobs.max_idle, 7);
  EXPECT_TRUE(knobs.always_run_post);
  EXPECT_EQ(knobs.submit_method, SubmitMethod::kCondorSubmit);
  EXPECT_FALSE(knobs.parse.munge_names);
  EXPECT_EQ(knobs.default_node_log, "@(DAG_DIR)/log");
}

TEST_F(DagmanConfigTest, MacrosMeanWhatWasSetBefore) {
  const DagmanKnobs knobs = Read(
      "N = 4\n"
      "DAGMAN_MAX_PRE_SCRIPTS = $(N)2\n"
      "DAGMAN_MAX_POST_SCRIPTS = $(NOT_THERE:9)\n"
      "N = 5\n"
      "DAGMAN_MAX_HOLD_SCRIPTS = $(n)\n");
  EXPECT_THAT(Told(), IsEmpty());
  EXPECT_EQ(knobs.max_pre, 42);
  EXPECT_EQ(knobs.max_post, 9);
  EXPECT_EQ(knobs.max_hold, 5);
}

TEST_F(DagmanConfigTest, TheFileIsStrongerThanTheEnvironment) {
  const DagmanKnobs knobs = Read(
      "DAGMAN_MAX_PRE_SCRIPTS = 1\n",
      {"_CONDOR_DAGMAN_MAX_PRE_SCRIPTS=2", "_condor_dagman_max_post_scripts=3", "DAGMAN_MAX_HOLD_SCRIPTS=4"});
  EXPECT_EQ(knobs.max_pre, 1);
  EXPECT_EQ(knobs.max_post, 3);
  EXPECT_EQ(knobs.max_hold, 20);
}

TEST_F(DagmanConfigTest, TheEnvironmentMayNameTheFile) {
  const Path file = File("c", "DAGMAN_MAX_PRE_SCRIPTS = 1\n");
  EXPECT_EQ(ReadKnobs({}, std::nullopt, {"_CONDOR_DAGMAN_CONFIG_FILE=" + file.string()}, faults_).max_pre, 1);
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(DagmanConfigTest, ValuesThatCannotBeAreFaultsWithTheirLine) {
  Read(
      "DAGMAN_MAX_JOBS_SUBMITTED = many\n"
      "DAGMAN_MAX_RESCUE_NUM = 1000\n"
      "DAGMAN_AUTO_RESCUE = perhaps\n"
      "what is this\n"
      "use FEATURE : GPUs\n"
      "include : other\n");
  EXPECT_TRUE(HasErrors(faults_));
  EXPECT_THAT(
      Told(),
      ::testing::UnorderedElementsAre(
          "dagman.config:1: DAGMAN_MAX_JOBS_SUBMITTED takes a whole number from 0, not 'many'",
          "dagman.config:2: DAGMAN_MAX_RESCUE_NUM takes a whole number from 0 to 999, not '1000'",
          "dagman.config:3: DAGMAN_AUTO_RESCUE takes True or False, not 'perhaps'",
          "dagman.config:4: expected NAME = value",
          "dagman.config:5: 'use' is not supported in a configuration for DAGMan: write the settings "
          "themselves",
          "dagman.config:6: 'include' is not supported in a configuration for DAGMan: write the settings "
          "themselves"));
}

TEST_F(DagmanConfigTest, UnknownNamesAreIgnoredAndSlipsWarnedAbout) {
  Read(
      "DAGMAN_FROM_THE_FUTURE = 1\n"
      "DAGMAN_VERBOSITY = 7\n"
      "SCHEDD_NAME = x\n"
      "DAGMAN_MAX_JOB_SUBMITTED = 1\n");
  EXPECT_THAT(Told(), ElementsAre("dagman.config:4: warning: there is no setting DAGMAN_MAX_JOB_SUBMITTED "
                                  "(did you mean 'DAGMAN_MAX_JOBS_SUBMITTED'?)"));
}

TEST_F(DagmanConfigTest, TwoDifferentFilesAreAnErrorAndTheSameTwiceIsNot) {
  DagPreamble preamble;
  const Path a = File("a", "DAGMAN_MAX_PRE_SCRIPTS = 1\n");
  const Path b = File("b", "");
  preamble.configs = {{a, {"x.dag", 1}}, {folder_.path() / "." / "a", {"y.dag", 2}}};
  EXPECT_EQ(ReadKnobs(preamble, std::nullopt, {}, faults_).max_pre, 1);
  EXPECT_THAT(Told(), IsEmpty());
  ReadKnobs(preamble, b, {}, faults_);
  EXPECT_THAT(Told(), ElementsAre(AllOf(HasSubstr("x.dag:1: "), HasSubstr("/a'"), HasSubstr("/b'"))));
}

TEST_F(DagmanConfigTest, AFileThatIsMissingIsAnError) {
  ReadKnobs({}, folder_.path() / "nothing", {}, faults_);
  EXPECT_THAT(Told(), ElementsAre(HasSubstr("nothing")));
}

}  // namespace
}  // namespace roost::dag
