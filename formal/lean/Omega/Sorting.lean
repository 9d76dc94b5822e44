/-!
Sorting by a number. Permutations are defined here, so that nothing depends on what a library calls them.
-/

namespace Omega

/-- The same elements, each as often, in another order. -/
inductive Perm {α : Type} : List α → List α → Prop where
  | nil : Perm [] []
  | cons (a : α) {l m : List α} : Perm l m → Perm (a :: l) (a :: m)
  | swap (a b : α) (l : List α) : Perm (a :: b :: l) (b :: a :: l)
  | trans {l m n : List α} : Perm l m → Perm m n → Perm l n

theorem Perm.mem {α : Type} {l m : List α} (p : Perm l m) : ∀ x, x ∈ m → x ∈ l := by
  induction p with
  | nil => intro x h; exact h
  | cons a _ ih =>
    intro x h
    rcases List.mem_cons.1 h with h | h
    · exact List.mem_cons.2 (Or.inl h)
    · exact List.mem_cons.2 (Or.inr (ih x h))
  | swap a b l =>
    intro x h
    rcases List.mem_cons.1 h with h | h
    · exact List.mem_cons.2 (Or.inr (List.mem_cons.2 (Or.inl h)))
    · rcases List.mem_cons.1 h with h | h
      · exact List.mem_cons.2 (Or.inl h)
      · exact List.mem_cons.2 (Or.inr (List.mem_cons.2 (Or.inr h)))
  | trans _ _ ih ih' => intro x h; exact ih x (ih' x h)

theorem perm_symm {α : Type} {l m : List α} (p : Perm l m) : Perm m l := by
  induction p with
  | nil => exact Perm.nil
  | cons a _ ih => exact Perm.cons a ih
  | swap a b l => exact Perm.swap b a l
  | trans _ _ ih ih' => exact Perm.trans ih' ih

theorem perm_mem {α : Type} {l m : List α} (p : Perm l m) (x : α) (h : x ∈ l) : x ∈ m :=
  (perm_symm p).mem x h

/-- Puts an element before the first whose key is not smaller. -/
def place {α : Type} (key : α → Nat) (a : α) : List α → List α
  | [] => [a]
  | b :: l => if key a ≤ key b then a :: b :: l else b :: place key a l

/-- Every element, ascending; equal keys in the order in which they came. -/
def sort {α : Type} (key : α → Nat) : List α → List α
  | [] => []
  | a :: l => place key a (sort key l)

theorem sort_two {α : Type} (key : α → Nat) (a b : α) : sort key [a, b] = place key a [b] :=
  rfl

/-- No element has a greater key than one behind it. -/
def Sorted {α : Type} (key : α → Nat) : List α → Prop
  | [] => True
  | a :: l => (∀ b, b ∈ l → key a ≤ key b) ∧ Sorted key l

variable {α : Type} (key : α → Nat)

theorem place_here (a b : α) (l : List α) (h : key a ≤ key b) :
    place key a (b :: l) = a :: b :: l := by
  show (if key a ≤ key b then a :: b :: l else b :: place key a l) = a :: b :: l
  exact if_pos h

theorem place_later (a b : α) (l : List α) (h : ¬ key a ≤ key b) :
    place key a (b :: l) = b :: place key a l := by
  show (if key a ≤ key b then a :: b :: l else b :: place key a l) = b :: place key a l
  exact if_neg h

theorem mem_place (a x : α) : ∀ l : List α, x ∈ place key a l → x = a ∨ x ∈ l := by
  intro l
  induction l with
  | nil =>
    intro h
    have h' : x ∈ [a] := h
    exact List.mem_cons.1 h'
  | cons b l ih =>
    intro h
    by_cases hab : key a ≤ key b
    · rw [place_here key a b l hab] at h
      exact List.mem_cons.1 h
    · rw [place_later key a b l hab] at h
      rcases List.mem_cons.1 h with h | h
      · exact Or.inr (List.mem_cons.2 (Or.inl h))
      · rcases ih h with h | h
        · exact Or.inl h
        · exact Or.inr (List.mem_cons.2 (Or.inr h))

theorem place_sorted (a : α) : ∀ l : List α, Sorted key l → Sorted key (place key a l) := by
  intro l
  induction l with
  | nil =>
    intro _
    show (∀ b, b ∈ ([] : List α) → key a ≤ key b) ∧ Sorted key []
    exact ⟨fun b h => (by cases h), True.intro⟩
  | cons b l ih =>
    intro h
    have h' : (∀ c, c ∈ l → key b ≤ key c) ∧ Sorted key l := h
    by_cases hab : key a ≤ key b
    · rw [place_here key a b l hab]
      show (∀ c, c ∈ b :: l → key a ≤ key c) ∧ Sorted key (b :: l)
      refine ⟨fun c hc => ?_, h⟩
      rcases List.mem_cons.1 hc with e | hc
      · rw [e]; exact hab
      · exact Nat.le_trans hab (h'.1 c hc)
    · rw [place_later key a b l hab]
      show (∀ c, c ∈ place key a l → key b ≤ key c) ∧ Sorted key (place key a l)
      refine ⟨fun c hc => ?_, ih h'.2⟩
      rcases mem_place key a c l hc with e | hc
      · rw [e]; omega
      · exact h'.1 c hc

theorem sort_sorted : ∀ l : List α, Sorted key (sort key l) := by
  intro l
  induction l with
  | nil => exact True.intro
  | cons a l ih =>
    show Sorted key (place key a (sort key l))
    exact place_sorted key a (sort key l) ih

/-- What stands later in a sorted list has no smaller key. -/
theorem sorted_get : ∀ (l : List α), Sorted key l → ∀ (before middle after : List α) (a b : α),
    l = before ++ a :: (middle ++ b :: after) → key a ≤ key b := by
  intro l
  induction l with
  | nil =>
    intro _ before middle after a b e
    cases before with
    | nil =>
      have e' : [] = a :: (middle ++ b :: after) := e
      cases e'
    | cons c before =>
      have e' : [] = c :: (before ++ a :: (middle ++ b :: after)) := e
      cases e'
  | cons x l ih =>
    intro h before middle after a b e
    have h' : (∀ c, c ∈ l → key x ≤ key c) ∧ Sorted key l := h
    cases before with
    | nil =>
      have e' : x :: l = a :: (middle ++ b :: after) := e
      injection e' with e1 e2
      have hb : b ∈ l := by
        rw [e2]
        exact List.mem_append.2 (Or.inr (List.mem_cons.2 (Or.inl rfl)))
      rw [← e1]
      exact h'.1 b hb
    | cons c before =>
      have e' : x :: l = c :: (before ++ a :: (middle ++ b :: after)) := e
      injection e' with _ e2
      exact ih h'.2 before middle after a b e2

theorem place_swap (a b : α) (h : key a ≠ key b) : ∀ l : List α,
    place key a (place key b l) = place key b (place key a l) := by
  intro l
  induction l with
  | nil =>
    show place key a [b] = place key b [a]
    by_cases hab : key a ≤ key b
    · have hba : ¬ key b ≤ key a := by omega
      rw [place_here key a b [] hab, place_later key b a [] hba]
      all_goals rfl
    · have hba : key b ≤ key a := by omega
      rw [place_later key a b [] hab, place_here key b a [] hba]
      all_goals rfl
  | cons c l ih =>
    by_cases hac : key a ≤ key c
    · by_cases hbc : key b ≤ key c
      · rw [place_here key b c l hbc, place_here key a c l hac]
        by_cases hab : key a ≤ key b
        · have hba : ¬ key b ≤ key a := by omega
          rw [place_here key a b (c :: l) hab, place_later key b a (c :: l) hba, place_here key b c l hbc]
        · have hba : key b ≤ key a := by omega
          rw [place_later key a b (c :: l) hab, place_here key b a (c :: l) hba, place_here key a c l hac]
      · have hba : ¬ key b ≤ key a := by omega
        rw [place_later key b c l hbc, place_here key a c l hac, place_here key a c (place key b l) hac,
          place_later key b a (c :: l) hba, place_later key b c l hbc]
    · by_cases hbc : key b ≤ key c
      · have hab : ¬ key a ≤ key b := by omega
        rw [place_here key b c l hbc, place_later key a b (c :: l) hab, place_later key a c l hac,
          place_here key b c (place key a l) hbc]
      · rw [place_later key b c l hbc, place_later key a c l hac, place_later key a c (place key b l) hac,
          place_later key b c (place key a l) hbc, ih]

/-- Where no two elements share a key, the order in which they came leaves no trace. -/
theorem sort_permutation_invariant {l m : List α} (p : Perm l m) :
    (∀ a b, a ∈ l → b ∈ l → key a = key b → a = b) → sort key l = sort key m := by
  induction p with
  | nil => intro _; rfl
  | @cons a l m _ ih =>
    intro h
    show place key a (sort key l) = place key a (sort key m)
    rw [ih (fun x y hx hy => h x y (List.mem_cons.2 (Or.inr hx)) (List.mem_cons.2 (Or.inr hy)))]
  | swap a b l =>
    intro h
    show place key a (place key b (sort key l)) = place key b (place key a (sort key l))
    by_cases e : key a = key b
    · have hab : a = b :=
        h a b (List.mem_cons.2 (Or.inl rfl)) (List.mem_cons.2 (Or.inr (List.mem_cons.2 (Or.inl rfl)))) e
      rw [hab]
    · exact place_swap key a b e (sort key l)
  | @trans l m n p _ ih ih' =>
    intro h
    rw [ih h]
    exact ih' (fun x y hx hy => h x y (p.mem x hx) (p.mem y hy))

end Omega
