import Omega.Words

/-!
The catalog: what is found first in it has the smallest rank, and nothing is missing from it.
-/

namespace Omega

/-- The predicates stand in the order of their ranks, from a rank on. -/
def Ranked : Nat → List Predicate → Prop
  | _, [] => True
  | n, p :: l => rank p = n ∧ Ranked (n + 1) l

theorem catalog_ranked : Ranked 0 catalog :=
  ⟨rfl, rfl, rfl, rfl, rfl, rfl, rfl, rfl, rfl, True.intro⟩

theorem ranked_ge : ∀ (l : List Predicate) (n : Nat), Ranked n l → ∀ q, q ∈ l → n ≤ rank q := by
  intro l
  induction l with
  | nil =>
    intro n _ q hq
    exact nowhere hq
  | cons p l ih =>
    intro n h q hq
    have h' : rank p = n ∧ Ranked (n + 1) l := h
    rcases List.mem_cons.1 hq with e | hq
    · rw [e]
      exact Nat.le_of_eq h'.1.symm
    · exact Nat.le_trans (Nat.le_succ n) (ih (n + 1) h'.2 q hq)

/-- What is found first has the smallest rank of all that pass. -/
theorem found_least (test : Predicate → Bool) : ∀ (l : List Predicate) (n : Nat), Ranked n l → ∀ p,
    firstOf test l = some p → test p = true ∧ ∀ q, q ∈ l → test q = true → rank p ≤ rank q := by
  intro l
  induction l with
  | nil =>
    intro n _ p h
    have h' : (none : Option Predicate) = some p := h
    cases h'
  | cons a l ih =>
    intro n ranked p h
    have r : rank a = n ∧ Ranked (n + 1) l := ranked
    by_cases c : test a = true
    · rw [firstOf_yes test a l c] at h
      have ap : a = p := Option.some.inj h
      rw [← ap]
      refine ⟨c, ?_⟩
      intro q hq _
      rw [r.1]
      exact ranked_ge (a :: l) n ranked q hq
    · rw [firstOf_no test a l c] at h
      have found := ih (n + 1) r.2 p h
      refine ⟨found.1, ?_⟩
      intro q hq hp
      rcases List.mem_cons.1 hq with e | hq
      · rw [e] at hp
        exact absurd hp c
      · exact found.2 q hq hp

theorem catalog_by_rank : ∀ p : Predicate, nth catalog (rank p) = some p := by
  intro p
  cases p with
  | p1002 => exact rfl
  | p3001 => exact rfl
  | p1001 => exact rfl
  | p1003 => exact rfl
  | p1004 => exact rfl
  | p2001 => exact rfl
  | p2002 => exact rfl
  | p2003 => exact rfl
  | p3002 => exact rfl

theorem catalog_whole (p : Predicate) : p ∈ catalog :=
  mem_of_nth p catalog (rank p) (catalog_by_rank p)

theorem rank_once (p q : Predicate) (h : rank p = rank q) : p = q := by
  have hp := catalog_by_rank p
  rw [h, catalog_by_rank q] at hp
  exact (Option.some.inj hp).symm

/-- A violation's anchor is in the batch. -/
theorem anchor_in_batch (s : State) (b : Batch) (p : Predicate) (e : Event) (v : Violates s b p e) : InBatch b e := by
  cases p with
  | p1002 =>
    have v' : Violates1002 b e := v
    exact v'.1
  | p3001 =>
    have v' : Violates3001 s b e := v
    exact v'.1.1
  | p1001 =>
    have v' : Violates1001 s b e := v
    exact v'.1
  | p1003 =>
    have v' : Violates1003 b e := v
    exact v'.1
  | p1004 =>
    have v' : Violates1004 s b e := v
    exact v'.1.1
  | p2001 =>
    have v' : Violates2001 b e := v
    rcases v' with ⟨o, _, ho, eo, _⟩
    rw [← eo]
    exact occurrence_of b o ho
  | p2002 =>
    have v' : Violates2002 s b e := v
    exact v'.1
  | p2003 =>
    have v' : Violates2003 s b e := v
    exact v'.1
  | p3002 =>
    have v' : Violates3002 s b e := v
    exact v'.1

end Omega
