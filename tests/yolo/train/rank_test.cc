#include "yolo/train/rank.h"

#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/error.h"

namespace roost::yolo {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct Expected {
  std::string name;
  Environment environment;
  std::string rank;  ///< "told by rank/world local/local world master:port"
};

std::string Text(const Rank& rank) {
  return rank.told_by + " " + std::to_string(rank.rank) + "/" + std::to_string(rank.world) + " " +
         std::to_string(rank.local_rank) + "/" + std::to_string(rank.local_world) + " " + rank.master + ":" +
         std::to_string(rank.port) + (rank.store_is_there ? " served" : "") +
         (rank.start_here > 1 ? " starts " + std::to_string(rank.start_here) : "");
}

void PrintTo(const Expected& expected, std::ostream* out) { *out << expected.name; }

class RankTest : public ::testing::TestWithParam<Expected> {};

TEST_P(RankTest, FollowsFromTheEnvironment) {
  EXPECT_EQ(GetParam().rank, Text(RankFrom(GetParam().environment)));
}

std::string NameOf(const ::testing::TestParamInfo<Expected>& param) { return param.param.name; }

const Environment kTorchrun = {{"RANK", "5"},
                               {"WORLD_SIZE", "8"},
                               {"LOCAL_RANK", "1"},
                               {"LOCAL_WORLD_SIZE", "4"},
                               {"MASTER_ADDR", "node0"},
                               {"MASTER_PORT", "1234"}};

Environment With(Environment environment, const Environment& more) {
  for (const auto& [name, value] : more) environment[name] = value;
  return environment;
}
Environment Without(Environment environment, const std::string& name) {
  environment.erase(name);
  return environment;
}

const Environment kSlurm = {{"SLURM_JOB_ID", "1000"},
                            {"SLURM_STEP_ID", "0"},
                            {"SLURM_PROCID", "3"},
                            {"SLURM_NTASKS", "4"},
                            {"SLURM_LOCALID", "1"},
                            {"SLURM_STEP_NODELIST", "gpu[01-02,7]"},
                            {"SLURM_JOB_NODELIST", "gpu[00-07]"}};
const Environment kOpenMpi = {{"OMPI_COMM_WORLD_RANK", "1"},
                              {"OMPI_COMM_WORLD_SIZE", "2"},
                              {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                              {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};
const Environment kSageMaker = {{"SM_HOSTS", R"(["algo-2", "algo-1"])"}, {"SM_CURRENT_HOST", "algo-2"}};

INSTANTIATE_TEST_SUITE_P(
    Launchers, RankTest,
    ::testing::Values(
        Expected{"Nobody", {{"HOME", "/root"}}, " 0/1 0/1 :0"},
        Expected{"Torchrun", kTorchrun, "torchrun 5/8 1/4 node0:1234"},
        Expected{"TorchrunServes", With(kTorchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}}),
                 "torchrun 5/8 1/4 node0:1234 served"},
        Expected{"TorchrunAlone", {{"RANK", "0"}, {"WORLD_SIZE", "1"}}, "torchrun 0/1 0/0 :0"},
        Expected{"TorchrunBeforeSlurm", With(kSlurm, kTorchrun), "torchrun 5/8 1/4 node0:1234"},
        Expected{"OpenMpiOnOneHost", kOpenMpi, "Open MPI 1/2 1/2 127.0.0.1:29500"},
        Expected{"OpenMpiOnTwo",
                 With(kOpenMpi, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "1"},
                                 {"OMPI_COMM_WORLD_LOCAL_RANK", "0"},
                                 {"MASTER_ADDR", "launcher"}}),
                 "Open MPI 1/2 0/1 launcher:29500"},
        Expected{"OpenMpiWithinSlurm", With(kSlurm, kOpenMpi), "Open MPI 1/2 1/2 127.0.0.1:29500"},
        Expected{"Mpich",
                 {{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALRANKID", "1"}, {"MPI_LOCALNRANKS", "2"}},
                 "MPI 1/2 1/2 127.0.0.1:10000"},
        Expected{"Slurm", kSlurm, "Slurm 3/4 1/0 gpu01:17000"},
        Expected{"SlurmStepOfAJob", With(kSlurm, {{"SLURM_STEP_NUM_TASKS", "6"}, {"SLURM_STEP_ID", "2"}}),
                 "Slurm 3/6 1/0 gpu01:17002"},
        Expected{"SlurmOnOneHost", With(kSlurm, {{"SLURM_STEP_TASKS_PER_NODE", "4"}}),
                 "Slurm 3/4 1/4 gpu01:17000"},
        Expected{"SlurmWithMaster", With(kSlurm, {{"MASTER_ADDR", "other"}, {"MASTER_PORT", "5"}}),
                 "Slurm 3/4 1/0 other:5"},
        Expected{"ScriptOfSbatch", Without(kSlurm, "SLURM_STEP_ID"), " 0/1 0/1 :0"},
        Expected{"Condor",
                 {{"_CONDOR_PROCNO", "1"}, {"_CONDOR_NPROCS", "2"}, {"MASTER_ADDR", "exec1"}},
                 "HTCondor's parallel universe 1/2 0/0 exec1:29500"},
        Expected{"CondorAlone",
                 {{"_CONDOR_PROCNO", "0"}, {"_CONDOR_NPROCS", "1"}},
                 "HTCondor's parallel universe 0/1 0/0 :0"},
        Expected{"SageMaker", kSageMaker, "SageMaker 1/2 0/1 algo-1:7777"},
        Expected{"SageMakerWithGpus", With(kSageMaker, {{"SM_NUM_GPUS", "4"}}),
                 "SageMaker 4/8 0/4 algo-1:7777 starts 4"},
        Expected{"SageMakerAlone",
                 {{"SM_HOSTS", R"(["algo-1"])"}, {"SM_CURRENT_HOST", "algo-1"}, {"SM_NUM_GPUS", "0"}},
                 "SageMaker 0/1 0/1 :0"}),
    NameOf);

struct Fault {
  std::string name;
  Environment environment;
  std::string message;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

class RankFaultTest : public ::testing::TestWithParam<Fault> {};

TEST_P(RankFaultTest, IsNamed) {
  EXPECT_THAT([] { RankFrom(GetParam().environment); }, ThrowsMessage<Error>(HasSubstr(GetParam().message)));
}

std::string NameOfFault(const ::testing::TestParamInfo<Fault>& param) { return param.param.name; }

INSTANTIATE_TEST_SUITE_P(
    HalfSet, RankFaultTest,
    ::testing::Values(
        Fault{"RankAlone", {{"RANK", "0"}}, "one of torchrun, but WORLD_SIZE is not set"},
        Fault{"WorldAlone", {{"WORLD_SIZE", "2"}}, "one of torchrun, but RANK is not set"},
        Fault{"NoMaster", Without(kTorchrun, "MASTER_ADDR"), "MASTER_ADDR is not set"},
        Fault{"NoPort", Without(kTorchrun, "MASTER_PORT"), "MASTER_PORT is not set"},
        Fault{"EmptyMaster", With(kTorchrun, {{"MASTER_ADDR", " "}}), "MASTER_ADDR is not set"},
        Fault{"NoNumber", With(kTorchrun, {{"RANK", "one"}}), "RANK='one' is no number from 0"},
        Fault{"Negative", With(kTorchrun, {{"RANK", "-1"}}), "RANK='-1' is no number from 0"},
        Fault{"BeyondTheWorld", With(kTorchrun, {{"RANK", "8"}}),
              "RANK=8 is no rank of WORLD_SIZE=8 processes, which count from 0"},
        Fault{"NoProcesses", With(kTorchrun, {{"WORLD_SIZE", "0"}}), "WORLD_SIZE='0' is no number from 1"},
        Fault{"WrongPort", With(kTorchrun, {{"MASTER_PORT", "70000"}}),
              "MASTER_PORT='70000' is no number from 1 to 65535"},
        Fault{"SlurmWithoutRank", Without(kSlurm, "SLURM_PROCID"),
              "one of Slurm, but SLURM_PROCID is not set"},
        Fault{"OpenMpiOnHostsUnknown", With(kOpenMpi, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "1"}}),
              "Open MPI starts 2 processes, but does not say on which host rank 0 is"},
        Fault{"PmiWithoutSize", {{"PMI_RANK", "0"}}, "one of MPI, but PMI_SIZE is not set"},
        Fault{"CondorWithoutMaster",
              {{"_CONDOR_PROCNO", "1"}, {"_CONDOR_NPROCS", "2"}},
              "MASTER_ADDR is not set"},
        Fault{"SageMakerNoJson",
              {{"SM_HOSTS", "algo-1,algo-2"}, {"SM_CURRENT_HOST", "algo-1"}},
              "SM_HOSTS='algo-1,algo-2' is no JSON list of hosts"},
        Fault{"SageMakerOther", With(kSageMaker, {{"SM_CURRENT_HOST", "algo-3"}}), "is not among SM_HOSTS"},
        Fault{"SageMakerNoHost", Without(kSageMaker, "SM_CURRENT_HOST"), "SM_CURRENT_HOST is not set"}),
    NameOfFault);

TEST(FirstHostTest, OfSlurmsLists) {
  EXPECT_EQ("node01", FirstHost("node[01-04,7]"));
  EXPECT_EQ("node7", FirstHost("node[7,9]"));
  EXPECT_EQ("a", FirstHost("a,b[1-2]"));
  EXPECT_EQ("rack1node03-ib", FirstHost("rack[1-2]node[03-05]-ib,x"));
  EXPECT_EQ("host.example.org", FirstHost("host.example.org"));
  for (const char* wrong : {"", "node[", "node[]", ",a"}) {
    EXPECT_THAT([&] { FirstHost(wrong); }, ThrowsMessage<Error>(HasSubstr("no list of hosts"))) << wrong;
  }
}

}  // namespace
}  // namespace roost::yolo
