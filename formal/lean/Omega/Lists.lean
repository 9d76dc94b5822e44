import Omega.Tests

/-!
Lists: those that pass a test, the first that does, elements by their place.
-/

namespace Omega

/-- Those that pass. -/
def keep {α : Type} (t : α → Bool) : List α → List α
  | [] => []
  | a :: l => if t a = true then a :: keep t l else keep t l

theorem keep_yes {α : Type} (t : α → Bool) (a : α) (l : List α) (h : t a = true) :
    keep t (a :: l) = a :: keep t l := by
  show (if t a = true then a :: keep t l else keep t l) = a :: keep t l
  exact if_pos h

theorem keep_no {α : Type} (t : α → Bool) (a : α) (l : List α) (h : ¬ t a = true) :
    keep t (a :: l) = keep t l := by
  show (if t a = true then a :: keep t l else keep t l) = keep t l
  exact if_neg h

theorem mem_keep {α : Type} (t : α → Bool) (x : α) : ∀ l : List α, x ∈ keep t l ↔ x ∈ l ∧ t x = true := by
  intro l
  induction l with
  | nil =>
    constructor
    · intro h
      have h' : x ∈ ([] : List α) := h
      exact nowhere h'
    · intro h
      exact nowhere h.1
  | cons a l ih =>
    by_cases c : t a = true
    · rw [keep_yes t a l c]
      constructor
      · intro h
        rcases List.mem_cons.1 h with e | h
        · rw [e]
          exact ⟨mem_head a l, c⟩
        · exact ⟨mem_tail a (ih.1 h).1, (ih.1 h).2⟩
      · intro h
        rcases List.mem_cons.1 h.1 with e | h'
        · rw [e]
          exact mem_head a (keep t l)
        · exact mem_tail a (ih.2 ⟨h', h.2⟩)
    · rw [keep_no t a l c]
      constructor
      · intro h
        exact ⟨mem_tail a (ih.1 h).1, (ih.1 h).2⟩
      · intro h
        rcases List.mem_cons.1 h.1 with e | h'
        · have h2 : t x = true := h.2
          rw [e] at h2
          exact absurd h2 c
        · exact ih.2 ⟨h', h.2⟩

/-- How many pass. -/
def count {α : Type} (t : α → Bool) : List α → Nat
  | [] => 0
  | a :: l => if t a = true then count t l + 1 else count t l

/-- The first that passes. -/
def firstOf {α : Type} (t : α → Bool) : List α → Option α
  | [] => none
  | a :: l => if t a = true then some a else firstOf t l

theorem firstOf_yes {α : Type} (t : α → Bool) (a : α) (l : List α) (h : t a = true) :
    firstOf t (a :: l) = some a := by
  show (if t a = true then some a else firstOf t l) = some a
  exact if_pos h

theorem firstOf_no {α : Type} (t : α → Bool) (a : α) (l : List α) (h : ¬ t a = true) :
    firstOf t (a :: l) = firstOf t l := by
  show (if t a = true then some a else firstOf t l) = firstOf t l
  exact if_neg h

theorem firstOf_none {α : Type} (t : α → Bool) : ∀ l : List α, firstOf t l = none → ∀ x, x ∈ l → ¬ t x = true := by
  intro l
  induction l with
  | nil =>
    intro _ x hx
    exact nowhere hx
  | cons a l ih =>
    intro h x hx hp
    by_cases c : t a = true
    · rw [firstOf_yes t a l c] at h
      cases h
    · rw [firstOf_no t a l c] at h
      rcases List.mem_cons.1 hx with e | hx
      · rw [e] at hp
        exact c hp
      · exact ih h x hx hp

/-- The element at a place, counted from zero. -/
def nth {α : Type} : List α → Nat → Option α
  | [], _ => none
  | a :: _, 0 => some a
  | _ :: l, i + 1 => nth l i

/-- Each element with its place. -/
def number {α : Type} : Nat → List α → List (Nat × α)
  | _, [] => []
  | n, a :: l => (n, a) :: number (n + 1) l

theorem mem_number {α : Type} (i : Nat) (x : α) : ∀ (l : List α) (n : Nat),
    (i, x) ∈ number n l ↔ ∃ j, i = n + j ∧ nth l j = some x := by
  intro l
  induction l with
  | nil =>
    intro n
    constructor
    · intro h
      have h' : (i, x) ∈ ([] : List (Nat × α)) := h
      exact nowhere h'
    · intro h
      rcases h with ⟨j, _, hj⟩
      have hj' : (none : Option α) = some x := hj
      cases hj'
  | cons a l ih =>
    intro n
    constructor
    · intro h
      have h' : (i, x) ∈ (n, a) :: number (n + 1) l := h
      rcases List.mem_cons.1 h' with e | h'
      · have f1 := congrArg Prod.fst e
        have f2 := congrArg Prod.snd e
        have e1 : i = n := f1
        have e2 : x = a := f2
        refine ⟨0, e1, ?_⟩
        show some a = some x
        rw [e2]
      · rcases (ih (n + 1)).1 h' with ⟨j, hj, hx⟩
        exact ⟨j + 1, by omega, hx⟩
    · intro h
      rcases h with ⟨j, hj, hx⟩
      show (i, x) ∈ (n, a) :: number (n + 1) l
      cases j with
      | zero =>
        have hx' : some a = some x := hx
        have e2 : a = x := Option.some.inj hx'
        have e1 : i = n := hj
        rw [e1, e2]
        exact mem_head (n, x) (number (n + 1) l)
      | succ j =>
        have hx' : nth l j = some x := hx
        exact mem_tail (n, a) ((ih (n + 1)).2 ⟨j, by omega, hx'⟩)

theorem mem_of_nth {α : Type} (x : α) : ∀ (l : List α) (i : Nat), nth l i = some x → x ∈ l := by
  intro l
  induction l with
  | nil =>
    intro i h
    have h' : (none : Option α) = some x := h
    cases h'
  | cons a l ih =>
    intro i h
    cases i with
    | zero =>
      have h' : some a = some x := h
      rw [Option.some.inj h']
      exact mem_head x l
    | succ i => exact mem_tail a (ih i h)

theorem nth_of_mem {α : Type} (x : α) : ∀ l : List α, x ∈ l → ∃ i, nth l i = some x := by
  intro l
  induction l with
  | nil =>
    intro h
    exact nowhere h
  | cons a l ih =>
    intro h
    rcases List.mem_cons.1 h with e | h
    · refine ⟨0, ?_⟩
      show some a = some x
      rw [e]
    · rcases ih h with ⟨i, hi⟩
      exact ⟨i + 1, hi⟩

end Omega
