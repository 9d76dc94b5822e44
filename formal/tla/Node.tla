------------------------------- MODULE Node -------------------------------
(***************************************************************************)
(* One node: what it takes in, judges, certifies and tells, and what a     *)
(* crash at any moment leaves of that. Actions have the names of the steps *)
(* that `omega serve --steps FILE` writes (schemas/steps.md), so that real *)
(* runs are checked against this very text: Trace.tla.                     *)
(*                                                                         *)
(*   Write -> Sync -> Acknowledge               host/src/node/intake.rs    *)
(*   EmitMerge | EmitObstruction | GiveUp       host/src/node/coordinator.rs *)
(*   -> Journal -> Store -> Announce            journal.rs, certifier.rs   *)
(*   Swap -> Store -> Announce                  host/src/serve/swap.rs     *)
(*   Crash, Start                               host/src/node/recover.rs   *)
(*                                                                         *)
(* Guards whose absence is a defect are operators of their own: NodeDefects*)
(* replaces them one by one, and each must then be found.                  *)
(***************************************************************************)
EXTENDS Rules, Sequences

CONSTANTS
    Entries,      \* what sources may send
    Kernels,      \* checkers
    FirstKernel,  \* the one that the chain starts with
    MaxCrashes, MaxSwaps, MaxFaults   \* so that the search ends

VARIABLES
    up,         \* the node runs
    gaveup,     \* what was under way when it stopped trying to write, or Nothing
    writing,    \* entries written, or about to be, and not synced
    leftover,   \* entries whose write failed: their bytes may be there all the same
    durable,    \* entries on disk
    journal,    \* lines on disk: which entries each verdict is about
    chain,      \* certificates on disk; the genesis, at height 0, is left out
    acked,      \* entries that somebody was told are safe
    announced,  \* <<height, certificate>> that somebody was told
    waiting,    \* memory: entries that wait to be judged
    accepted,   \* memory: what the checker holds to be accepted
    work,       \* memory: the line or the certificate under way
    crashes, swaps, faults

memory == <<waiting, accepted, work>>
disk   == <<writing, leftover, durable, journal, chain>>
told   == <<acked, announced>>
counts == <<crashes, swaps, faults>>
vars   == <<up, gaveup, disk, memory, told, counts>>

----------------------------------------------------------------------------
(* What follows from a chain and a journal. *)

Nothing == [phase |-> "none"]
Range(s) == { s[i] : i \in DOMAIN s }
IsVerdict(c) == c.kind \in {"merge", "obstruction"}

\* What a chain has accepted: everything else is computed from it again.
RECURSIVE AcceptedBy(_, _)
AcceptedBy(c, height) ==
    IF height = 0 THEN {}
    ELSE AcceptedBy(c, height - 1) \cup (IF c[height].kind = "merge" THEN c[height].batch ELSE {})

\* The kernel in place after a height.
RECURSIVE KernelAt(_, _)
KernelAt(c, height) ==
    IF height = 0 THEN FirstKernel
    ELSE IF c[height].kind = "swap" THEN c[height].kernel ELSE KernelAt(c, height - 1)

InPlace == KernelAt(chain, Len(chain))

\* What became of entries by a line of the journal.
SettledBy(line) == IF line.kind = "obstruction" THEN line.aside ELSE line.batch
Settled(lines)  == UNION { SettledBy(line) : line \in lines }

\* A verdict's line counts when its certificate stands at its height. Only the last can be without.
Certified(line) == ~IsVerdict(line) \/ (line.height <= Len(chain) /\ chain[line.height] = line)
CertifiedLines == { line \in Range(journal) : Certified(line) }
Kept(lines) ==
    IF lines = <<>> \/ Certified(lines[Len(lines)]) THEN lines
    ELSE SubSeq(lines, 1, Len(lines) - 1)

----------------------------------------------------------------------------
(* Guards. *)

MayAcknowledge(e)  == e \in durable
MayObstruct(batch) == Conflict(InPlace, accepted, batch)
MayMerge(batch)    == ~Conflict(InPlace, accepted, batch)
MayStore           == work.phase = "journaled"
MayAnnounce(h, c)  == h \in DOMAIN chain /\ chain[h] = c
\* After a write that was given up nobody knows what is on disk; the next start finds out.
MayGoOn            == gaveup = Nothing
\* What a checker holds after a start: the past stands, whatever is in place now.
Replayed           == AcceptedBy(chain, Len(chain))
\* What waits after a start.
Unsettled(lines)   == durable \ Settled(Range(lines))

----------------------------------------------------------------------------
(* Taking in. *)

Write(es) ==
    /\ up
    /\ es # {} /\ es \cap (durable \cup writing) = {}
    /\ writing' = writing \cup es
    /\ UNCHANGED <<up, gaveup, leftover, durable, journal, chain, memory, told, counts>>

Refuse(es) ==
    /\ up /\ es # {} /\ es \subseteq writing
    /\ writing' = writing \ es
    /\ leftover' = leftover \cup es
    /\ UNCHANGED <<up, gaveup, durable, journal, chain, memory, told, counts>>

Sync(es) ==
    /\ up /\ es # {} /\ es \subseteq writing
    /\ writing' = writing \ es
    /\ leftover' = leftover \ es
    /\ durable' = durable \cup es
    /\ waiting' = waiting \cup es
    /\ UNCHANGED <<up, gaveup, journal, chain, accepted, work, told, counts>>

Acknowledge(es) ==
    /\ up /\ \A e \in es : MayAcknowledge(e)
    /\ acked' = acked \cup es
    /\ UNCHANGED <<up, gaveup, disk, memory, announced, counts>>

----------------------------------------------------------------------------
(* Judging. `hash` names the certificate in a run's trace; here it is 0. *)

Judged(kind, batch, aside, hash) ==
    /\ up /\ work = Nothing /\ MayGoOn
    /\ batch # {} /\ batch \subseteq waiting
    /\ work' = [phase |-> "judged",
                line  |-> [kind |-> kind, height |-> Len(chain) + 1, batch |-> batch, aside |-> aside,
                           kernel |-> InPlace, hash |-> hash]]

EmitMerge(batch, hash) ==
    /\ MayMerge(batch)
    /\ Judged("merge", batch, {}, hash)
    \* The checker has moved on before anything is written.
    /\ accepted' = accepted \cup batch
    /\ UNCHANGED <<up, gaveup, disk, waiting, told, counts>>

\* `aside` is what is set aside; the rest is judged again.
EmitObstruction(batch, aside, hash) ==
    /\ MayObstruct(batch)
    /\ aside \subseteq batch /\ aside # {}
    /\ Judged("obstruction", batch, aside, hash)
    /\ UNCHANGED <<up, gaveup, disk, waiting, accepted, told, counts>>

\* No verdict: a kernel that traps. No certificate says so.
GiveUp(batch) ==
    /\ faults < MaxFaults
    /\ faults' = faults + 1
    /\ Judged("unjudged", batch, {}, 0)
    /\ UNCHANGED <<up, gaveup, disk, waiting, accepted, told, crashes, swaps>>

----------------------------------------------------------------------------
(* Certifying. *)

Journal ==
    /\ up /\ work.phase = "judged"
    /\ journal' = Append(journal, work.line)
    /\ IF IsVerdict(work.line)
       THEN work' = [work EXCEPT !.phase = "journaled"] /\ UNCHANGED waiting
       ELSE work' = Nothing /\ waiting' = waiting \ work.line.batch
    /\ UNCHANGED <<up, gaveup, writing, leftover, durable, chain, accepted, told, counts>>

Store ==
    /\ up /\ work # Nothing /\ MayStore
    /\ chain' = Append(chain, work.line)
    /\ waiting' = waiting \ SettledBy(work.line)
    /\ work' = Nothing
    /\ UNCHANGED <<up, gaveup, writing, leftover, durable, journal, accepted, told, counts>>

Announce(height, certificate) ==
    /\ up /\ MayAnnounce(height, certificate)
    /\ announced' = announced \cup {<<height, certificate>>}
    /\ UNCHANGED <<up, gaveup, disk, memory, acked, counts>>

\* Between two batches. Its certificate has no line in the journal.
Swap(kernel, hash) ==
    /\ up /\ work = Nothing /\ MayGoOn /\ kernel # InPlace /\ swaps < MaxSwaps
    /\ swaps' = swaps + 1
    /\ work' = [phase |-> "journaled",
                line  |-> [kind |-> "swap", height |-> Len(chain) + 1, batch |-> {}, aside |-> {},
                           kernel |-> kernel, hash |-> hash]]
    /\ UNCHANGED <<up, gaveup, disk, waiting, accepted, told, crashes, faults>>

----------------------------------------------------------------------------
(* Trouble. *)

\* The disk takes nothing, and the node is to end: it stops trying.
Abandon ==
    /\ up /\ work # Nothing /\ faults < MaxFaults
    /\ faults' = faults + 1
    /\ gaveup' = work
    /\ waiting' = waiting \ work.line.batch
    \* The checker is put back where the chain stands.
    /\ accepted' = Replayed
    /\ work' = Nothing
    /\ UNCHANGED <<up, disk, told, crashes, swaps>>

UnderWay == IF gaveup # Nothing THEN gaveup ELSE work

\* Of what was being written, `kept` is on disk; of the line or certificate under way, all or nothing.
Down(kept, whole) ==
    /\ up /\ up' = FALSE /\ gaveup' = Nothing
    /\ kept \subseteq writing \cup leftover
    /\ whole => UnderWay # Nothing
    /\ durable' = durable \cup kept
    /\ writing' = {} /\ leftover' = {}
    /\ journal' = IF whole /\ UnderWay.phase = "judged" THEN Append(journal, UnderWay.line) ELSE journal
    /\ chain' = IF whole /\ UnderWay.phase = "journaled" THEN Append(chain, UnderWay.line) ELSE chain
    /\ waiting' = {} /\ accepted' = {} /\ work' = Nothing
    /\ UNCHANGED <<told, swaps, faults>>

Crash(kept, whole) ==
    /\ crashes < MaxCrashes
    /\ crashes' = crashes + 1
    /\ Down(kept, whole)

Stop ==
    /\ gaveup # Nothing
    /\ \E whole \in BOOLEAN : Down({}, whole)
    /\ UNCHANGED crashes

Start ==
    /\ ~up /\ up' = TRUE
    /\ journal' = Kept(journal)
    /\ accepted' = Replayed
    /\ waiting' = Unsettled(journal')
    /\ UNCHANGED <<gaveup, writing, leftover, durable, chain, work, told, counts>>

----------------------------------------------------------------------------
Init ==
    /\ up = TRUE /\ gaveup = Nothing
    /\ writing = {} /\ leftover = {} /\ durable = {}
    /\ journal = <<>> /\ chain = <<>>
    /\ acked = {} /\ announced = {}
    /\ waiting = {} /\ accepted = {} /\ work = Nothing
    /\ crashes = 0 /\ swaps = 0 /\ faults = 0

\* What a division may set aside, smallest and largest: host/src/node/quarantine.rs chooses between.
Divisions(batch) == { Broken(InPlace, accepted, batch), batch }

Certify == Journal \/ Store
Judge ==
    \E batch \in SUBSET waiting :
        \/ EmitMerge(batch, 0)
        \/ \E aside \in Divisions(batch) : EmitObstruction(batch, aside, 0)
\* Each is told once: telling it again changes nothing.
Tell ==
    \E c \in Range(chain) \cup (IF work = Nothing THEN {} ELSE {work.line}) :
        <<c.height, c>> \notin announced /\ Announce(c.height, c)

Next ==
    \/ \E e \in Entries : Write({e}) \/ Sync({e}) \/ Refuse({e})
    \/ \E e \in Entries \ acked : Acknowledge({e})
    \/ Judge
    \/ \E batch \in SUBSET waiting : GiveUp(batch)
    \/ Certify \/ Tell
    \/ \E kernel \in Kernels : Swap(kernel, 0)
    \/ Abandon \/ Stop \/ Start
    \/ \E kept \in SUBSET (writing \cup leftover) : \E whole \in BOOLEAN : Crash(kept, whole)

\* Nobody owes a write or an acknowledgement; but what is under way goes on.
Fairness ==
    /\ WF_vars(Judge) /\ WF_vars(Certify) /\ WF_vars(Tell)
    /\ WF_vars(\E e \in Entries : Sync({e})) /\ WF_vars(Stop) /\ WF_vars(Start)

Unfair == Init /\ [][Next]_vars
Spec == Unfair /\ Fairness

----------------------------------------------------------------------------
(* What must hold. *)

NothingAcknowledgedIsLost == acked \subseteq durable

CausalOrder == \A height \in DOMAIN chain : InCausalOrder(AcceptedBy(chain, height))

\* Neither on disk nor in what anybody was told.
NoTwoCertificatesAtOneHeight ==
    /\ \A a, b \in announced : a[1] = b[1] => a = b
    /\ \A a \in announced : a[1] \in DOMAIN chain /\ chain[a[1]] = a[2]

VerdictOf(height) ==
    IF Conflict(chain[height].kernel, AcceptedBy(chain, height - 1), chain[height].batch)
    THEN "obstruction" ELSE "merge"

\* Each verdict has its line, and is what the kernel that it names says of the batch at that state.
NoCertificateWithoutVerdict ==
    \A height \in DOMAIN chain : IsVerdict(chain[height]) =>
        /\ chain[height] \in Range(journal)
        /\ chain[height].kernel = KernelAt(chain, height - 1)
        /\ chain[height].kind = "merge" => VerdictOf(height) = "merge"

ObstructionOnlyOnConflict ==
    \A height \in DOMAIN chain :
        chain[height].kind = "obstruction" => VerdictOf(height) = "obstruction"

\* Whichever kernel is in place: the checker holds what the verdicts say, as they were given.
SwapKeepsPastVerdicts ==
    up => accepted = AcceptedBy(chain, Len(chain)) \cup (IF work # Nothing /\ work.line.kind = "merge" THEN work.line.batch ELSE {})

\* An entry is settled by one line only.
SettledOnce ==
    \A i, j \in DOMAIN journal :
        i # j /\ Certified(journal[i]) /\ Certified(journal[j])
            => SettledBy(journal[i]) \cap SettledBy(journal[j]) = {}

\* Whatever was acknowledged waits, or a line that counts says what became of it.
NothingIsForgotten ==
    up /\ gaveup = Nothing => acked \subseteq waiting \cup Settled(CertifiedLines)

Safety ==
    /\ NothingIsForgotten
    /\ NothingAcknowledgedIsLost /\ CausalOrder /\ NoTwoCertificatesAtOneHeight
    /\ NoCertificateWithoutVerdict /\ ObstructionOnlyOnConflict /\ SwapKeepsPastVerdicts /\ SettledOnce

\* A chain only grows.
PastStands == [][Len(chain') >= Len(chain) /\ SubSeq(chain', 1, Len(chain)) = chain]_chain

\* What was acknowledged is judged in the end, and every verdict is told or was there before a crash.
IsSettled(e) == e \in Settled(CertifiedLines)
Progress == \A e \in Entries : (e \in acked) ~> IsSettled(e)
=============================================================================
