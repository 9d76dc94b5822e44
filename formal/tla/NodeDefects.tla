---------------------------- MODULE NodeDefects ----------------------------
(***************************************************************************)
(* Node with one guard taken away. The models named defect-* put one of    *)
(* these in the place of a guard, and the check fails unless the violation *)
(* that models.tsv names is found.                                         *)
(***************************************************************************)
EXTENDS NodeMC

\* MayAcknowledge: before the sync.
Early(e) == e \in durable \cup writing
\* MayObstruct, MayMerge: without looking at the rules.
AnyBatch(batch) == TRUE
\* MayStore: before the journal's line is on disk.
StoreAtOnce == work.phase \in {"judged", "journaled"}
\* MayAnnounce: as soon as it is signed.
Signed(h, c) == TRUE
\* MayGoOn: after a write that was given up, the next batch. A node once did this.
Always == TRUE
\* Replayed: the past is judged by whatever kernel is in place.
Rejudged == AcceptedBy(chain, Len(chain)) \ Refused[InPlace]
\* Unsettled: what was acknowledged and not judged is not found again.
None(lines) == {}
=============================================================================
