------------------------------- MODULE Trace -------------------------------
(***************************************************************************)
(* Real runs as behaviours of Node. `trace.py` writes TraceData from the   *)
(* steps that nodes wrote (schemas/steps.md). Each line must be a step     *)
(* that Node allows there, with exactly what the line says of it; a run    *)
(* that stops short of its last line is refused, as a deadlock.            *)
(*                                                                         *)
(* Nothing is guessed: a crash stands in no line, but the line of the next *)
(* start says what it left.                                                *)
(***************************************************************************)
EXTENDS TraceData, Node

CONSTANT Runs  \* sequences of lines

VARIABLES run, at

Line == Runs[run][at]
GoesOn == at <= Len(Runs[run])

\* Chain hash of the newest certificate, 0 at the genesis.
Newest == IF chain = <<>> THEN 0 ELSE chain[Len(chain)].hash

Ingest ==
    \/ Line.step = "write"       /\ Write(Line.events)
    \/ Line.step = "refuse"      /\ Refuse(Line.events)
    \/ Line.step = "sync"        /\ Sync(Line.events)
    \/ Line.step = "acknowledge" /\ Acknowledge(Line.events)

Reconcile ==
    \/ /\ Line.step = "emit-merge"
       /\ Line.height = Len(chain) + 1 /\ Line.kernel = InPlace
       /\ EmitMerge(Line.events, Line.hash)
    \/ /\ Line.step = "emit-obstruction"
       /\ Line.height = Len(chain) + 1 /\ Line.kernel = InPlace
       /\ EmitObstruction(Line.events, Line.aside, Line.hash)
    \/ Line.step = "give-up" /\ GiveUp(Line.events)
    \/ Line.step = "abandon" /\ Abandon

Record ==
    \/ Line.step = "journal" /\ Journal
    \/ /\ Line.step = "store"
       /\ work # Nothing /\ Line.hash = work.line.hash /\ Line.height = Len(chain) + 1
       /\ chain = <<>> \/ Line.previous = Newest
       /\ Store
    \/ /\ Line.step = "announce" /\ Line.height \in DOMAIN chain
       /\ chain[Line.height].hash = Line.hash
       /\ Announce(Line.height, chain[Line.height])
    \/ /\ Line.step = "swap" /\ Line.height = Len(chain) + 1
       /\ Swap(Line.kernel, Line.hash)

----------------------------------------------------------------------------
\* Whether what was under way survived: a certificate shows in the height, a batch that was given up in
\* what waits; a verdict's line without its certificate counts for nothing either way.
Survived ==
    /\ UnderWay # Nothing
    /\ IF UnderWay.phase = "journaled" THEN Line.height > Len(chain)
       ELSE UnderWay.line.kind = "unjudged" /\ UnderWay.line.batch \cap Line.events = {}

\* The node was down between two lines: what the next start found is what survived.
Fell ==
    /\ up /\ at > 1 /\ Line.step = "start"
    /\ Crash(Line.events \ durable, Survived)
    /\ UNCHANGED <<run, at>>

Starts ==
    /\ Line.step = "start" /\ ~up /\ Start
    /\ waiting' = Line.events
    /\ Line.height = Len(chain) /\ (chain = <<>> \/ Line.hash = Newest) /\ Line.kernel = InPlace

\* A run begins with the first start of a node.
Begins == at = 1 /\ Line.step = "start" /\ Line.height = 0 /\ Line.events = {} /\ UNCHANGED vars

TraceInit == Init /\ run \in DOMAIN Runs /\ at = 1

TraceNext ==
    \/ GoesOn /\ Fell
    \/ /\ GoesOn
       /\ Begins \/ (at > 1 /\ (Starts \/ Ingest \/ Reconcile \/ Record))
       /\ at' = at + 1 /\ UNCHANGED run
    \/ ~GoesOn /\ UNCHANGED <<vars, run, at>>

\* The rules' own check of the history that came out, once.
EndsInCausalOrder == ~GoesOn => InCausalOrder(AcceptedBy(chain, Len(chain)))
=============================================================================
