import Omega.Parts

/-!
Two claims about one past are compared only where they come in one batch: the state carries no claims. So parts may
merge where the whole does not.
-/

namespace Omega

def rootEvent : Event :=
  { lamport := 1, node := 1, stream := 0, id := 1, prev := 0, claim := none, stated := 0, deps := [], hash := 1 }

def claiming (n c : Nat) : Event :=
  { lamport := 2, node := n, stream := 0, id := n + 10, prev := 0, claim := some c, stated := 0, deps := [1],
    hash := n + 10 }

def claimParts : List (List (List Occurrence)) :=
  [alone rootEvent, alone (claiming 2 5), alone (claiming 3 6)]

/-- Their events. -/
def claimEvents : List Event := [rootEvent, claiming 2 5, claiming 3 6]

def afterRoot : State :=
  { ids := [(1, (1, 1))]
    frontiers := [((1, 0), { lamport := 1, id := 1, hash := 1, linked := false })] }

def afterClaim : State :=
  { ids := [(1, (1, 1)), (12, (2, 12))]
    frontiers := [((1, 0), { lamport := 1, id := 1, hash := 1, linked := false }),
      ((2, 0), { lamport := 2, id := 12, hash := 12, linked := false })] }

def afterClaims : State :=
  { ids := [(1, (1, 1)), (12, (2, 12)), (13, (2, 13))]
    frontiers := [((1, 0), { lamport := 1, id := 1, hash := 1, linked := false }),
      ((2, 0), { lamport := 2, id := 12, hash := 12, linked := false }),
      ((3, 0), { lamport := 2, id := 13, hash := 13, linked := false })] }

set_option maxRecDepth 10000 in
theorem root_merges : reconcile genesis (alone rootEvent) = Verdict.merge afterRoot :=
  merges_with genesis afterRoot (alone rootEvent) [rootEvent] rfl rfl rfl

set_option maxRecDepth 10000 in
theorem claim_merges : reconcile afterRoot (alone (claiming 2 5)) = Verdict.merge afterClaim :=
  merges_with afterRoot afterClaim (alone (claiming 2 5)) [claiming 2 5] rfl rfl rfl

set_option maxRecDepth 10000 in
theorem other_claim_merges : reconcile afterClaim (alone (claiming 3 6)) = Verdict.merge afterClaims :=
  merges_with afterClaim afterClaims (alone (claiming 3 6)) [claiming 3 6] rfl rfl rfl

set_option maxRecDepth 10000 in
theorem claims_obstruct : reconcile genesis (join claimParts) =
    Verdict.obstruction Predicate.p3002 (claiming 3 6) :=
  obstructs_with genesis (join claimParts) claimEvents Predicate.p3002 (claiming 3 6) rfl rfl

/-! ### They are in order, and their hashes tell them apart -/

theorem in_claims (e : Event) (h : InBatch (join claimParts) e) :
    e = rootEvent ∨ e = claiming 2 5 ∨ e = claiming 3 6 := by
  have h' : e ∈ claimEvents := h
  rcases List.mem_cons.1 h' with h' | h'
  · exact Or.inl h'
  · rcases List.mem_cons.1 h' with h' | h'
    · exact Or.inr (Or.inl h')
    · rcases List.mem_cons.1 h' with h' | h'
      · exact Or.inr (Or.inr h')
      · exact nowhere h'

/-- Each has its own hash. -/
def byHash (h : Nat) : Event := if h = 1 then rootEvent else if h = 12 then claiming 2 5 else claiming 3 6

theorem by_hash (e : Event) (h : InBatch (join claimParts) e) : byHash e.hash = e := by
  have r : byHash rootEvent.hash = rootEvent := rfl
  have one : byHash (claiming 2 5).hash = claiming 2 5 := rfl
  have other : byHash (claiming 3 6).hash = claiming 3 6 := rfl
  rcases in_claims e h with c | c | c
  · rw [c]
    exact r
  · rw [c]
    exact one
  · rw [c]
    exact other

theorem claims_fit : HashFits (join claimParts) := by
  intro e f he hf same
  have a := by_hash e he
  have b := by_hash f hf
  rw [same] at a
  exact a.symm.trans b

theorem claims_in_order : InOrder [] claimParts := by
  refine ⟨?_, ?_, ?_, True.intro⟩
  · intro e he
    rw [in_alone rootEvent e he]
    constructor
    · intro d hd _
      have hd' : d ∈ ([] : List Nat) := hd
      exact nowhere hd'
    · intro f hf same _ _
      have hf' : f ∈ [claiming 2 5, claiming 3 6] := hf
      rcases List.mem_cons.1 hf' with c | hf'
      · rw [c] at same
        have n : (2 : Nat) = 1 := same.1
        exact absurd n (by decide)
      · rcases List.mem_cons.1 hf' with c | hf'
        · rw [c] at same
          have n : (3 : Nat) = 1 := same.1
          exact absurd n (by decide)
        · exact nowhere hf'
  · intro e he
    rw [in_alone (claiming 2 5) e he]
    constructor
    · intro d hd _
      have hd' : d ∈ [1] := hd
      rcases List.mem_cons.1 hd' with c | hd'
      · rw [c]
        have m : rootEvent ∈ [rootEvent] := mem_head rootEvent []
        have here : InBatch (join [alone rootEvent]) rootEvent := m
        exact Or.inr ⟨rootEvent, here, rfl⟩
      · exact nowhere hd'
    · intro f hf same _ _
      have hf' : f ∈ [claiming 3 6] := hf
      rcases List.mem_cons.1 hf' with c | hf'
      · rw [c] at same
        have n : (3 : Nat) = 2 := same.1
        exact absurd n (by decide)
      · exact nowhere hf'
  · intro e _
    constructor
    · intro d _ hi
      rcases hi with ⟨f, hf, _⟩
      have hf' : f ∈ ([] : List Event) := hf
      exact nowhere hf'
    · intro f hf _ _ _
      have hf' : f ∈ ([] : List Event) := hf
      exact nowhere hf'

theorem parts_may_merge_where_the_whole_does_not :
    InOrder [] claimParts ∧ HashFits (join claimParts) ∧ (∃ t, reconcileAll claimParts genesis = some t) ∧
      reconcile genesis (join claimParts) = Verdict.obstruction Predicate.p3002 (claiming 3 6) := by
  refine ⟨claims_in_order, claims_fit, ⟨afterClaims, ?_⟩, claims_obstruct⟩
  show reconcileAll [alone rootEvent, alone (claiming 2 5), alone (claiming 3 6)] genesis = some afterClaims
  rw [reconcileAll_merge genesis afterRoot (alone rootEvent) [alone (claiming 2 5), alone (claiming 3 6)] root_merges,
    reconcileAll_merge afterRoot afterClaim (alone (claiming 2 5)) [alone (claiming 3 6)] claim_merges,
    reconcileAll_merge afterClaim afterClaims (alone (claiming 3 6)) [] other_claim_merges,
    reconcileAll_nil afterClaims]

end Omega
