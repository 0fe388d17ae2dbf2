#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace roost::yolo {

/// Which of several processes that train together this one is.
struct Rank {
  int rank = 0;         ///< 0 is the one that writes files and speaks
  int world = 1;        ///< processes in all
  int local_rank = 0;   ///< among those of this host: which device is its own
  int local_world = 1;  ///< of this host; 0 where nobody said
  /// Processes that are to be started here, the first of them as `rank`: more than 1 where somebody started
  /// one process a host and there are several devices.
  int start_here = 1;

  std::string master;           ///< host of the store through which the processes find each other
  int port = 0;                 ///< of the store
  bool store_is_there = false;  ///< whoever started the processes serves it: rank 0 need not
  std::string attempt;          ///< of the launcher that starts failed processes again: keeps attempts apart
  std::string told_by;          ///< "torchrun", "Slurm": who said all this; empty where nobody did
};

using Environment = std::map<std::string, std::string>;

/// The variables of this process.
Environment CurrentEnvironment();

/// Who this process is, from what the program that started it left in the environment. In this order:
/// torchrun (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), Open MPI (OMPI_COMM_WORLD_*), MPICH and
/// its kin (PMI_*), Slurm (SLURM_*, of srun alone: what sbatch starts is one process), HTCondor's parallel
/// universe
/// (_CONDOR_PROCNO, _CONDOR_NPROCS), SageMaker (SM_HOSTS). MASTER_ADDR and MASTER_PORT count for all of them.
/// Alone where nobody says otherwise. Throws Error (usage) where variables are missing or contradict each
/// other.
Rank RankFrom(const Environment& environment);

/// The first host of a list as Slurm writes it: "node[01-04,7],other" is node01. Throws Error (usage).
std::string FirstHost(const std::string& hosts);

}  // namespace roost::yolo
