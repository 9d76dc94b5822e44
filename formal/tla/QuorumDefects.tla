--------------------------- MODULE QuorumDefects ---------------------------
(***************************************************************************)
(* Quorum with one guard taken away; see NodeDefects.                      *)
(***************************************************************************)
EXTENDS Quorum

\* MaySign: whatever was judged, also beside another at its height.
Whatever(s, c) == TRUE
\* MayJudge: what somebody else says, without judging.
Believe(c) == TRUE
\* MaySend, with MaySign: what is written down is lost with the memory, since it was not synced. The
\* ledger then is what was judged since the last crash, and a signer signs again.
FromMemory(s, c) == c \in judged[s] /\ \A other \in judged[s] : other.height = c.height => other = c
=============================================================================
