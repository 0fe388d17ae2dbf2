#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/dag/submit.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class JobAdTest : public testing::Test {
 protected:
  JobAdTest() {
    context_.cluster = 7;
    context_.node = "A";
    context_.directory = folder_.path();
  }

  /// The one job of a text. Faults that are errors fail the test.
  Job Expand(const std::string& text) {
    Submission submission = ExpandSubmit("executable = q.sh\n" + text, "x.sub", context_);
    EXPECT_FALSE(HasErrors(submission.faults)) << FaultsError(submission.faults).message();
    return submission.jobs.empty() ? Job() : submission.jobs[0];
  }

  TemporaryDirectory folder_;
  SubmitContext context_;
};

TEST_F(JobAdTest, HasWhatTheExpressionsOfAJobReferTo) {
  const Ad ad =
      MakeJobAd(Expand("arguments = a b\nenvironment = \"X=1 Y='2 3'\"\noutput = o\nlog = l\nrequest_memory "
                       "= 2G\npriority = 4\n"
                       "request_licenses = 3\n+Project = strcat(\"p\", ProcId)\nmax_retries = "
                       "5\non_exit_hold = ExitCode == 3\n"));
  EXPECT_EQ(Value(std::int64_t{7}), ad.Get("ClusterId"));
  EXPECT_EQ(Value("A"), ad.Get("DAGNodeName"));
  EXPECT_EQ(Value((folder_.path() / "q.sh").string()), ad.Get("Cmd"));
  EXPECT_EQ(Value("a b"), ad.Get("Args"));
  EXPECT_EQ(Value("X=1 'Y=2 3'"), ad.Get("Environment"));
  EXPECT_EQ(Value("o"), ad.Get("Out"));
  EXPECT_EQ(Value((folder_.path() / "l").string()), ad.Get("UserLog"));
  EXPECT_EQ(Value(std::int64_t{2048}), ad.Get("RequestMemory"));
  EXPECT_EQ(Value(std::int64_t{3}), ad.Get("RequestLicenses"));
  EXPECT_EQ(Value(std::int64_t{4}), ad.Get("JobPrio"));
  EXPECT_EQ(Value("p0"), ad.Get("Project"));
  EXPECT_EQ("ExitCode == 3", ad.Find("OnExitHold")->text());
}

/// Whether a job whose exit left these attributes leaves the queue.
bool LeavesQueue(const Job& job, std::int64_t completions, std::optional<std::int64_t> exit_code) {
  Ad ad = MakeJobAd(job);
  ad.Set("NumJobCompletions", completions);
  ad.Set("ExitBySignal", !exit_code.has_value());
  if (exit_code) ad.Set("ExitCode", *exit_code);
  return job.policy.on_exit_remove->Holds(ad);
}

TEST_F(JobAdTest, RetriesUntilTheJobSucceedsOrHasUsedThemUp) {
  const Job job = Expand("max_retries = 2\nretry_until = 17\n");
  EXPECT_TRUE(LeavesQueue(job, 1, 0));
  EXPECT_TRUE(LeavesQueue(job, 1, 17));
  EXPECT_FALSE(LeavesQueue(job, 1, 1));
  EXPECT_FALSE(LeavesQueue(job, 2, std::nullopt));
  EXPECT_TRUE(LeavesQueue(job, 3, 1));
}

TEST_F(JobAdTest, SuccessExitCodeTakesThePlaceOfZero) {
  const Job job = Expand("success_exit_code = 3\n");
  EXPECT_TRUE(LeavesQueue(job, 1, 3));
  EXPECT_FALSE(LeavesQueue(job, 1, 0));
  EXPECT_TRUE(LeavesQueue(job, 3, 0));
}

TEST_F(JobAdTest, MeetsTheRequirementsOfThisHost) {
  const Ad machine = MakeMachineAd(8, 4096, 0);
  const auto fits = [&](const std::string& requirements) {
    const Job job = Expand("request_memory = 1G\nrequirements = " + requirements + "\n");
    return job.requirements->Holds(MakeJobAd(job), &machine);
  };
  EXPECT_TRUE(fits("OpSys == \"linux\" && Arch =!= undefined && TARGET.Memory >= RequestMemory"));
  EXPECT_TRUE(fits("Cpus == 8 && HasFileTransfer && Machine == FileSystemDomain && Disk > 0"));
  EXPECT_TRUE(fits("regexp(\"^[A-Za-z]+[0-9]+$\", OpSysAndVer) && OpSysMajorVer > 0"));
  EXPECT_FALSE(fits("Memory > 4096"));
  EXPECT_FALSE(fits("HasFancyHardware"));
}

TEST_F(JobAdTest, MatchTimeMacrosTakeTheMachinesValues) {
  Job job = Expand(
      "arguments = $$(Machine) $$(Cpus) $$(Nothing:none) $$([RequestCpus * 2 + Scale]) x$$(DOLLARDOLLAR)\n"
      "output = $$(Machine).out\nenvironment = \"BOTH='$$([ strcat(Machine, \"\" )\"\") ])'\"\n+Scale = 1\n");
  Ad machine;
  machine.Set("Machine", Value("node7"));
  machine.Set("Cpus", std::int64_t{4});
  EXPECT_TRUE(job.match_time_macros);
  ASSERT_TRUE(ExpandMatchTime(job, MakeJobAd(job), machine).ok());
  EXPECT_THAT(job.arguments, ElementsAre("node7", "4", "none", "3", "x$$"));
  EXPECT_THAT(job.environment, ElementsAre("BOTH=node7 )"));
  EXPECT_EQ("node7.out", job.output);
  EXPECT_FALSE(job.match_time_macros);
}

TEST_F(JobAdTest, AMatchTimeMacroWithoutAValueIsAnError) {
  for (const auto& [macro, message] :
       {std::pair("$$(Nothing)", "the machine has no attribute 'Nothing'"),
        std::pair("$$([Nothing + 1])", "is undefined"), std::pair("$$([1 +])", "ends too early")}) {
    Job job = Expand(std::string("arguments = ") + macro + "\n");
    const auto expanded = ExpandMatchTime(job, MakeJobAd(job), Ad());
    ASSERT_FALSE(expanded.ok());
    EXPECT_THAT(expanded.error().message(), HasSubstr(message));
  }
}

TEST_F(JobAdTest, RequestsThatAreExpressionsFollowTheJobsAttributes) {
  const Job job =
      Expand("request_memory = ifThenElse(MemoryUsage =!= undefined, MemoryUsage * 3 / 2, 100)\n");
  EXPECT_EQ(100, job.request.memory_mb);
  Ad ad = MakeJobAd(job);
  EXPECT_EQ(100, RequestOf(job, ad).memory_mb);
  ad.Set("MemoryUsage", std::int64_t{300});
  EXPECT_EQ(450, RequestOf(job, ad).memory_mb);
  EXPECT_EQ(1, RequestOf(job, ad).cpus);
}

TEST_F(JobAdTest, RandomMacrosDifferFromJobToJobAndNotFromRunToRun) {
  const std::string text = "executable = q.sh\narguments = $RANDOM_INTEGER(1,1000000)\nqueue 2";
  const auto arguments = [&] {
    std::vector<std::string> all;
    for (const Job& job : ExpandSubmit(text, "x.sub", context_).jobs) all.push_back(job.arguments.at(0));
    return all;
  };
  const std::vector<std::string> first = arguments();
  EXPECT_NE(first.at(0), first.at(1));
  EXPECT_EQ(first, arguments());
  context_.cluster = 8;
  EXPECT_NE(first, arguments());
  context_.seed = 7;  // what cluster 7 had
  EXPECT_EQ(first, arguments());
}

TEST_F(JobAdTest, IncludedCommandsAreRunOnceWhereTheirOutputIsKept) {
  test::WriteFile(folder_.path() / "make.sh", "#!/bin/sh\necho run >> runs.txt\necho 'arguments = made'\n");
  std::filesystem::permissions(folder_.path() / "make.sh", std::filesystem::perms::owner_all);
  for (int times = 0; times < 2; ++times) {
    EXPECT_THAT(Expand("include command into made.inc : ./make.sh\n").arguments, ElementsAre("made"));
  }
  EXPECT_EQ("run\n", test::ReadText(folder_.path() / "runs.txt"));
  EXPECT_EQ("arguments = made\n", test::ReadText(folder_.path() / "made.inc"));
}

TEST_F(JobAdTest, FaultsOfInlineDescriptionsNameTheLinesOfTheFileAroundThem) {
  context_.lines_before = 40;
  const Submission submission = ExpandSubmit("executable = q.sh\nuniverse = grid\n", "x.dag", context_);
  ASSERT_EQ(1U, submission.faults.size());
  EXPECT_THAT(submission.faults[0].Describe(), HasSubstr("x.dag:42: universe grid"));
}

}  // namespace
}  // namespace roost::dag
