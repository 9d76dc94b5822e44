------------------------------- MODULE Rules -------------------------------
(***************************************************************************)
(* When logs conflict: those of the predicates of schemas/predicates.md    *)
(* that need more than one event to look at. What a single event breaks by *)
(* itself (1003, 2001), the line of a stream (1004) and claims (3002) are  *)
(* not here: formal/divergences.md.                                        *)
(*                                                                         *)
(* An *entry* is an event as one source's log holds it. Two sources that   *)
(* hold the same event have two entries of one version.                    *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANTS
    Id,       \* entry -> the event's id
    Version,  \* entry -> the event's hash: two of one id are two versions
    Stream,   \* entry -> <<node, stream>>, in which Lamport times rise
    Lamport,  \* entry -> its Lamport time
    Deps,     \* entry -> the ids that it depends on
    Refused   \* kernel -> entries that this kernel refuses beside the rules below

----------------------------------------------------------------------------
\* Redelivery is no crime: what was accepted is not judged again.
Known(accepted, e) ==
    \E a \in accepted : Id[a] = Id[e] /\ Version[a] = Version[e]

\* 1002, 3001: another version of the same event.
Clashes(accepted, batch, e) ==
    \E other \in batch \cup accepted : Id[other] = Id[e] /\ Version[other] # Version[e]

\* 2002: a dependency that nobody has sent.
Misses(accepted, batch, e) ==
    \E dep \in Deps[e] : \A other \in batch \cup accepted : Id[other] # dep

\* 2003: a dependency that is not earlier.
Precedes(accepted, batch, e) ==
    \E other \in batch \cup accepted : Id[other] \in Deps[e] /\ Lamport[other] >= Lamport[e]

\* 1001: two events of one stream at one time, or one behind what was accepted.
FallsBack(accepted, batch, e) ==
    \/ \E a \in accepted : Stream[a] = Stream[e] /\ Lamport[a] >= Lamport[e]
    \/ \E b \in batch : Stream[b] = Stream[e] /\ Id[b] # Id[e] /\ Lamport[b] = Lamport[e]

\* Entries of the batch that break a rule, as this kernel sees it.
Broken(kernel, accepted, batch) ==
    { e \in batch :
        \/ Clashes(accepted, batch, e)
        \/ ~Known(accepted, e) /\ ( \/ Misses(accepted, batch, e)
                                    \/ Precedes(accepted, batch, e)
                                    \/ FallsBack(accepted, batch, e)
                                    \/ e \in Refused[kernel] ) }

\* The logs cannot be glued to one history.
Conflict(kernel, accepted, batch) == Broken(kernel, accepted, batch) # {}

----------------------------------------------------------------------------
\* What was accepted is in causal order: every dependency is there, and earlier.
InCausalOrder(accepted) ==
    \A e \in accepted : \A dep \in Deps[e] :
        \E a \in accepted : Id[a] = dep /\ Lamport[a] < Lamport[e]
=============================================================================
