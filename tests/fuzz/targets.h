#pragma once

#include <cstddef>
#include <span>
#include <string>

/// The doors through which a file that nobody vouches for comes in. Each of these takes any bytes whatever
/// and comes back. What they hold for a fault (a crash aside): an exception that is no Error, an Error that
/// does not blame the data, a message that is not one readable line, a result that contradicts itself.
namespace roost::fuzz {

using Bytes = std::span<const std::byte>;

/// Pickles, one after the other, with the allow-list of checkpoints.
void Unpickle(Bytes bytes);

/// A zip archive: its directory and every entry.
void ReadZip(Bytes bytes);

/// A checkpoint, all the way to a graph that an engine would get. Bytes that are no container are taken for
/// the pickle of one whose storages are as they should be: mutations then reach what lies behind checksums.
void LoadNetwork(Bytes bytes);

/// A DAG file, which may name the splice "s.dag" and the fragment "i.dag" and no other files. One without
/// faults takes back the rescue file that it would get.
void ParseDag(Bytes bytes);

/// A rescue file of a small DAG.
void ApplyRescue(Bytes bytes);

/// A submit file, taken for itself: nothing outside it is looked at.
void ExpandSubmit(Bytes bytes);

/// A job event log. What was understood of it is written out, and read again it must be the same events.
void ParseEvents(Bytes bytes);

/// A line each: a ClassAd expression, in a job's ad with a machine as its target.
void EvaluateExpression(Bytes bytes);

}  // namespace roost::fuzz
