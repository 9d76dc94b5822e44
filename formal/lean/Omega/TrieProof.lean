/-!
Proofs of presence and absence in a crit-bit trie (`schemas/state.md`, "Proofs"): under one root a key has one answer.
-/

namespace Omega

/-- No two different nodes have one hash, also where they are of different kinds. -/
structure CollisionFree {V H : Type} (empty : H) (leafHash : Nat → V → H) (branchHash : Nat → H → H → H) : Prop where
  leaf_once : ∀ k v k' v', leafHash k v = leafHash k' v' → k = k' ∧ v = v'
  branch_once : ∀ i l r i' l' r', branchHash i l r = branchHash i' l' r' → i = i' ∧ l = l' ∧ r = r'
  leaf_no_branch : ∀ k v i l r, leafHash k v ≠ branchHash i l r
  empty_no_leaf : ∀ k v, empty ≠ leafHash k v
  empty_no_branch : ∀ i l r, empty ≠ branchHash i l r

/-- One step up: the sibling stands on the side that the key does not take. -/
def step {H : Type} (branchHash : Nat → H → H → H) (bit : Nat → Nat → Bool) (q i : Nat) (sibling node : H) : H :=
  if bit i q = true then branchHash i sibling node else branchHash i node sibling

/-- From the leaf's hash to the root; the steps begin at the root. -/
def climb {H : Type} (branchHash : Nat → H → H → H) (bit : Nat → Nat → Bool) (q : Nat) (start : H) :
    List (Nat × H) → H
  | [] => start
  | (i, sibling) :: rest => step branchHash bit q i sibling (climb branchHash bit q start rest)

section Proofs

variable {V H : Type} (empty : H) (leafHash : Nat → V → H) (branchHash : Nat → H → H → H)
  (bit : Nat → Nat → Bool)

/-- What a proof shows of key `q` under a root: its value, or that there is none. -/
inductive Shows (root : H) (q : Nat) : Option V → Prop where
  | nothing : root = empty → Shows root q none
  | present (v : V) (steps : List (Nat × H)) : climb branchHash bit q (leafHash q v) steps = root →
      Shows root q (some v)
  | absent (k : Nat) (v : V) (steps : List (Nat × H)) : k ≠ q →
      climb branchHash bit q (leafHash k v) steps = root → Shows root q none

theorem step_one (q i : Nat) (sibling node : H) (h : bit i q = true) :
    step branchHash bit q i sibling node = branchHash i sibling node := by
  show (if bit i q = true then branchHash i sibling node else branchHash i node sibling) = _
  exact if_pos h

theorem step_zero (q i : Nat) (sibling node : H) (h : ¬ bit i q = true) :
    step branchHash bit q i sibling node = branchHash i node sibling := by
  show (if bit i q = true then branchHash i sibling node else branchHash i node sibling) = _
  exact if_neg h

theorem step_is_branch (q i : Nat) (sibling node : H) :
    ∃ l r, step branchHash bit q i sibling node = branchHash i l r := by
  by_cases h : bit i q = true
  · exact ⟨sibling, node, step_one branchHash bit q i sibling node h⟩
  · exact ⟨node, sibling, step_zero branchHash bit q i sibling node h⟩

theorem step_once (free : CollisionFree empty leafHash branchHash) (q i j : Nat) (s t n m : H)
    (e : step branchHash bit q i s n = step branchHash bit q j t m) : n = m := by
  have hij : i = j := by
    rcases step_is_branch branchHash bit q i s n with ⟨l, r, h⟩
    rcases step_is_branch branchHash bit q j t m with ⟨l', r', h'⟩
    rw [h, h'] at e
    exact (free.branch_once i l r j l' r' e).1
  rw [← hij] at e
  by_cases h : bit i q = true
  · rw [step_one branchHash bit q i s n h, step_one branchHash bit q i t m h] at e
    exact (free.branch_once i s n i t m e).2.2
  · rw [step_zero branchHash bit q i s n h, step_zero branchHash bit q i t m h] at e
    exact (free.branch_once i n s i m t e).2.1

theorem climb_not_empty (free : CollisionFree empty leafHash branchHash) (q k : Nat) (v : V)
    (steps : List (Nat × H)) : climb branchHash bit q (leafHash k v) steps ≠ empty := by
  intro e
  cases steps with
  | nil => exact free.empty_no_leaf k v e.symm
  | cons s rest =>
    cases s with
    | mk i sibling =>
      have e' : step branchHash bit q i sibling (climb branchHash bit q (leafHash k v) rest) = empty := e
      rcases step_is_branch branchHash bit q i sibling (climb branchHash bit q (leafHash k v) rest) with ⟨l, r, h⟩
      rw [h] at e'
      exact free.empty_no_branch i l r e'.symm

theorem climb_once (free : CollisionFree empty leafHash branchHash) (q k k' : Nat) (v v' : V) :
    ∀ steps steps' : List (Nat × H),
      climb branchHash bit q (leafHash k v) steps = climb branchHash bit q (leafHash k' v') steps' →
        k = k' ∧ v = v' := by
  intro steps
  induction steps with
  | nil =>
    intro steps' e
    cases steps' with
    | nil => exact free.leaf_once k v k' v' e
    | cons s rest =>
      cases s with
      | mk i sibling =>
        have e' : leafHash k v = step branchHash bit q i sibling (climb branchHash bit q (leafHash k' v') rest) := e
        rcases step_is_branch branchHash bit q i sibling (climb branchHash bit q (leafHash k' v') rest) with ⟨l, r, h⟩
        rw [h] at e'
        exact absurd e' (free.leaf_no_branch k v i l r)
  | cons s rest ih =>
    intro steps' e
    cases s with
    | mk i sibling =>
      cases steps' with
      | nil =>
        have e' : step branchHash bit q i sibling (climb branchHash bit q (leafHash k v) rest) = leafHash k' v' := e
        rcases step_is_branch branchHash bit q i sibling (climb branchHash bit q (leafHash k v) rest) with ⟨l, r, h⟩
        rw [h] at e'
        exact absurd e'.symm (free.leaf_no_branch k' v' i l r)
      | cons s' rest' =>
        cases s' with
        | mk j sibling' =>
          have e' : step branchHash bit q i sibling (climb branchHash bit q (leafHash k v) rest) =
              step branchHash bit q j sibling' (climb branchHash bit q (leafHash k' v') rest') := e
          exact ih rest' (step_once empty leafHash branchHash bit free q i j _ _ _ _ e')

/-- Under one root, presence and absence of a key are not both shown, nor two values: whoever made the root. -/
theorem one_answer_per_root (free : CollisionFree empty leafHash branchHash) (root : H) (q : Nat)
    (a a' : Option V) (s : Shows empty leafHash branchHash bit root q a)
    (s' : Shows empty leafHash branchHash bit root q a') : a = a' := by
  cases s with
  | nothing e =>
    cases s' with
    | nothing _ => rfl
    | present v' steps' e' =>
      exact absurd (e'.trans e) (climb_not_empty empty leafHash branchHash bit free q q v' steps')
    | absent _ _ _ _ _ => rfl
  | present v steps e =>
    cases s' with
    | nothing e' => exact absurd (e.trans e') (climb_not_empty empty leafHash branchHash bit free q q v steps)
    | present v' steps' e' =>
      have h := climb_once empty leafHash branchHash bit free q q q v v' steps steps' (e.trans e'.symm)
      rw [h.2]
    | absent k' v' steps' hne e' =>
      have h := climb_once empty leafHash branchHash bit free q q k' v v' steps steps' (e.trans e'.symm)
      exact absurd h.1.symm hne
  | absent k v steps hne e =>
    cases s' with
    | nothing _ => rfl
    | present v' steps' e' =>
      have h := climb_once empty leafHash branchHash bit free q k q v v' steps steps' (e.trans e'.symm)
      exact absurd h.1 hne
    | absent _ _ _ _ _ => rfl

end Proofs

end Omega
