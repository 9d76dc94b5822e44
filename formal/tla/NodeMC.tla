------------------------------ MODULE NodeMC ------------------------------
(***************************************************************************)
(* Small worlds for Node. Each name says what an entry is there for.       *)
(***************************************************************************)
EXTENDS Node

\* alice's first event; bob's other version of it; alice's second, which depends on it; and one that
\* only the second kernel refuses.
MCEntries == {"first", "other", "second", "odd"}
MCId      == [e \in MCEntries |-> CASE e = "first" -> 1 [] e = "other" -> 1 [] e = "second" -> 2 [] e = "odd" -> 3]
MCVersion == [e \in MCEntries |-> e]
MCStream  == [e \in MCEntries |-> IF e \in {"first", "second"} THEN "alice" ELSE e]
MCLamport == [e \in MCEntries |-> IF e = "second" THEN 2 ELSE 1]
MCDeps    == [e \in MCEntries |-> IF e = "second" THEN {1} ELSE {}]
MCKernels == {"k1", "k2"}
MCFirst   == "k1"
MCRefused == [k \in MCKernels |-> IF k = "k2" THEN {"odd"} ELSE {}]

\* The same without the second kernel's own rule's victim: one entry less.
ThreeEntries == {"first", "other", "second"}
TwoEntries   == {"first", "odd"}
=============================================================================
