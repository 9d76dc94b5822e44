------------------------------ MODULE Quorum ------------------------------
(***************************************************************************)
(* One chain, several signers. A certificate counts when as many keys of   *)
(* its policy signed it as the threshold says (ChainHead::advance in       *)
(* kernel/src/chain.rs). Up to Faulty of the signers sign anything, at any *)
(* time. The others judge first, sign one certificate at a height, and     *)
(* write down that they do before the signature leaves them. Any of them   *)
(* may crash and forget what was not on disk.                              *)
(*                                                                         *)
(* There is no consensus in this: who proposes which batch is left open,   *)
(* and where two proposals split the votes of a height, nothing counts any *)
(* more. What is promised is that never two certificates count.            *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANTS
    Signers,      \* whose keys the policy holds
    FaultySigners,
    Threshold,
    Heights,      \* 1..n
    Batches,      \* what may be proposed for a height
    Broken,       \* the batches whose logs conflict
    MaxCrashes

VARIABLES
    signatures,   \* <<signer, certificate>> that are out in the world
    ledger,       \* signer -> certificates that it wrote down to have signed, on disk
    judged,       \* signer -> certificates that it has judged, in memory
    crashes

vars == <<signatures, ledger, judged, crashes>>

Honest == Signers \ FaultySigners
Verdicts == {"merge", "obstruction"}
\* A certificate of a height: what was judged, and what came out. Its chain hash stands for itself and
\* all before it, so `on` is the batch at the height before; 0 stands on the genesis.
Certificates ==
    { c \in [height : Heights, on : Batches \cup {0}, batch : Batches, verdict : Verdicts] :
        (c.height = 1) <=> (c.on = 0) }
Truth(batch) == IF batch \in Broken THEN "obstruction" ELSE "merge"

SignersOf(c) == { s \in Signers : <<s, c>> \in signatures }
Counts(c) == Cardinality(SignersOf(c)) >= Threshold

----------------------------------------------------------------------------
(* Guards, which models named defect-* replace. *)

\* Nothing else at this height.
MaySign(s, c) == \A signed \in ledger[s] : signed.height = c.height => signed = c
\* What a signer's own kernel says.
MayJudge(c) == c.verdict = Truth(c.batch)
\* On disk before it leaves.
MaySend(s, c) == c \in ledger[s]

----------------------------------------------------------------------------
\* The certificate before it counts: an honest signer follows the chain.
Continues(c) ==
    IF c.height = 1 THEN c.on = 0
    ELSE \E before \in Certificates :
            before.height = c.height - 1 /\ before.batch = c.on /\ Counts(before)

Judge(s, c) ==
    /\ s \in Honest /\ c \notin judged[s]
    /\ MayJudge(c) /\ Continues(c)
    /\ judged' = [judged EXCEPT ![s] = @ \cup {c}]
    /\ UNCHANGED <<signatures, ledger, crashes>>

WriteDown(s, c) ==
    /\ c \in judged[s] \ ledger[s] /\ MaySign(s, c)
    /\ ledger' = [ledger EXCEPT ![s] = @ \cup {c}]
    /\ UNCHANGED <<signatures, judged, crashes>>

Sign(s, c) ==
    /\ s \in Honest /\ <<s, c>> \notin signatures /\ MaySend(s, c)
    /\ signatures' = signatures \cup {<<s, c>>}
    /\ UNCHANGED <<ledger, judged, crashes>>

SignAnything(s, c) ==
    /\ s \in FaultySigners /\ <<s, c>> \notin signatures
    /\ signatures' = signatures \cup {<<s, c>>}
    /\ UNCHANGED <<ledger, judged, crashes>>

Crash(s) ==
    /\ crashes < MaxCrashes
    /\ crashes' = crashes + 1
    /\ judged' = [judged EXCEPT ![s] = {}]
    /\ UNCHANGED <<signatures, ledger>>

Init ==
    /\ signatures = {} /\ crashes = 0
    /\ ledger = [s \in Honest |-> {}] /\ judged = [s \in Honest |-> {}]

Next ==
    \/ \E s \in Signers, c \in Certificates :
        \/ s \in Honest /\ (Judge(s, c) \/ WriteDown(s, c) \/ Sign(s, c))
        \/ SignAnything(s, c)
    \/ \E s \in Honest : Crash(s)

Fairness ==
    \A s \in Honest : \A c \in Certificates :
        WF_vars(Judge(s, c)) /\ WF_vars(WriteDown(s, c)) /\ WF_vars(Sign(s, c))

Unfair == Init /\ [][Next]_vars
Spec == Unfair /\ Fairness

----------------------------------------------------------------------------
NoTwoCertificatesAtOneHeight ==
    \A s, t \in signatures :
        Counts(s[2]) /\ Counts(t[2]) /\ s[2].height = t[2].height => s[2] = t[2]

\* Whatever counts was judged by somebody who does so honestly: faulty signers alone are not enough.
NoCertificateWithoutVerdict ==
    \A s \in signatures : Counts(s[2]) => s[2].verdict = Truth(s[2].batch)

ObstructionOnlyOnConflict ==
    \A s \in signatures : Counts(s[2]) /\ s[2].verdict = "obstruction" => s[2].batch \in Broken

\* Each certificate that counts stands on one that counts.
Chained == \A s \in signatures : Counts(s[2]) => Continues(s[2])

\* An honest signer never has two signatures at a height out in the world.
HonestSignOnce ==
    \A s, t \in signatures :
        s[1] = t[1] /\ s[1] \in Honest /\ s[2].height = t[2].height => s = t

\* Where one batch is proposed for each height, every height gets its certificate.
Progress == \A h \in Heights : <>(\E s \in signatures : s[2].height = h /\ Counts(s[2]))
=============================================================================
